/** @myelin/agent: a model loop with tools, as a neuron whose run is a journal. */

// For users
export { agentTool } from "./agent-tool.ts";
export type { AgentTool, AgentToolOptions } from "./agent-tool.ts";
export { askHuman } from "./ask-human.ts";
export type { AskHumanOptions } from "./ask-human.ts";
export type { Budget } from "@myelin/bus/run-events";
export type { Agent, AgentOptions } from "./definition/agent-options.ts";
export { defineAgent } from "./definition/define-agent.ts";
export { AgentDefinitionError } from "./errors.ts";
export type { AgentFailureCode } from "./errors.ts";
export type { Finding, Guardrail, GuardrailDirection } from "./guardrail.ts";
export { loadSkill, loadSkills } from "./skills/skill.ts";
export type { Skill } from "./skills/skill.ts";
export { tool } from "./tool.ts";
export type { ClientToolOptions, ServerToolOptions, ToolOptions } from "./tool.ts";
export { pii } from "./guardrails/pii.ts";
export type { PiiEntity, PiiOptions } from "./guardrails/pii.ts";
export { secrets } from "./guardrails/secrets.ts";
export type { SecretsOptions } from "./guardrails/secrets.ts";
export { PROMPT_INJECTION_PATTERNS, promptInjection } from "./guardrails/prompt-injection.ts";
export type { PromptInjectionOptions } from "./guardrails/prompt-injection.ts";
