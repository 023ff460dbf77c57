/** Check definition: refuses an agent that could never work, with the value and the fix. */
import type { Budget } from "@myelin/bus/run-events";
import { neuronIdProblem } from "@myelin/neuron";
import { AgentDefinitionError } from "../errors.ts";
import { USE_SKILL } from "../skills/use-skill.ts";
import type { AgentOptions } from "./agent-options.ts";
import { checkNames, checkWord, type NamesOf } from "./check-options.ts";

const MAX_ITERATIONS = 200;
const ACTIONS = ["redact", "block", "warn"];
const OPTIONS: NamesOf<AgentOptions> = {
  ...{ name: true, model: true, models: true, prompt: true, tools: true, toolSources: true, requireApproval: true },
  ...{ deny: true, budget: true, guardrails: true, maxIterations: true, output: true, strategy: true, params: true },
  ...{ skillsDir: true, skills: true, denySkills: true, maxDelegationDepth: true, approvalExpiresMs: true },
  ...{ assignees: true, recordPayloads: true, stream: true, capabilities: true, version: true, description: true },
};
const BUDGET_OPTIONS: NamesOf<Budget> = {
  ...{ maxTokens: true, maxCostUsd: true, maxMs: true, warnAt: true, onExceeded: true },
};
const SOURCE_NAME = /^[A-Za-z0-9_-]{1,32}$/;

/** Throws `AgentDefinitionError`. */
export function checkDefinition(options: AgentOptions): void {
  const refuse: Refuse = (problem) => {
    throw new AgentDefinitionError(`agent ${JSON.stringify(options.name)}: ${problem}`);
  };
  checkNames("an agent", options, OPTIONS);
  const problem = neuronIdProblem(options.name);
  if (problem !== null) refuse(problem);
  if (typeof options.prompt !== "string" || options.prompt.trim() === "") refuse("the prompt is empty");
  if (typeof options.model?.generate !== "function") refuse("model must be a Model, such as anthropic(…) gives");
  requireUnique(
    refuse,
    "models of the vendor",
    [options.model, ...(options.models ?? [])].map(({ vendor }) => vendor),
  );
  const { maxIterations: iterations = 1, maxDelegationDepth: depth = 0, approvalExpiresMs: expiresMs = 1 } = options;
  if (!Number.isInteger(iterations) || iterations < 1 || iterations > MAX_ITERATIONS) {
    refuse(`maxIterations must be a whole number from 1 to ${MAX_ITERATIONS}, got ${iterations}`);
  }
  if (depth !== null && (!Number.isInteger(depth) || depth < 0)) {
    refuse(`maxDelegationDepth must be a whole number >= 0, or null for no limit, got ${depth}`);
  }
  if (!(expiresMs > 0)) refuse(`approvalExpiresMs must be > 0, got ${expiresMs}`);
  if (options.budget) checkBudget(options.budget, refuse);
  checkTools(options, refuse);
  checkRules(options, refuse);
  const { strategy, recordPayloads, budget, guardrails = [] } = options;
  checkWord("strategy", strategy, ["react", "single_call"]);
  checkWord("recordPayloads", recordPayloads, ["full", "delta", "masked"]);
  checkWord("budget.onExceeded", budget?.onExceeded, ["warn", "pause", "stop"]);
  for (const guardrail of guardrails) {
    const { name, action, scan } = guardrail;
    if (typeof name !== "string" || typeof scan !== "function" || !ACTIONS.includes(action)) {
      refuse(`a guardrail has a name, an action (${ACTIONS.join(", ")}) and scan(text), such as pii() gives`);
    }
  }
  if (options.strategy === "single_call") checkSingleCall(options, refuse);
  requireUnique(
    refuse,
    "guardrails of the name",
    (options.guardrails ?? []).map(({ name }) => name),
  );
  requireUnique(
    refuse,
    "skills of the name",
    (options.skills ?? []).map(({ name }) => name),
  );
}

type Refuse = (problem: string) => never | void;

function checkTools({ tools = [], toolSources = [], skills = [], skillsDir }: AgentOptions, refuse: Refuse): void {
  for (const tool of tools) {
    if (typeof tool?.run !== "function") refuse("tools must be made by tool(…), agentTool(…) or askHuman()");
  }
  const names = tools.map(({ name }) => name);
  requireUnique(refuse, "tools of the name", names);
  if (names.includes(USE_SKILL) && (skills.length > 0 || skillsDir !== undefined)) {
    refuse(`the name "${USE_SKILL}" is taken by the tool that reads skills`);
  }
  for (const { name } of toolSources) {
    if (!SOURCE_NAME.test(name) || name.includes("__")) {
      refuse(`a tool source's name must be 1 to 32 of A-Z a-z 0-9 _ -, without "__", got ${JSON.stringify(name)}`);
    }
  }
  requireUnique(
    refuse,
    "tool sources of the name",
    toolSources.map(({ name }) => name),
  );
}

function checkRules(options: AgentOptions, refuse: Refuse): void {
  const { tools = [], toolSources = [], deny = [], requireApproval = [] } = options;
  const both = deny.find((name) => requireApproval.includes(name));
  if (both !== undefined) refuse(`"${both}" is in deny and in requireApproval; it cannot be both`);
  for (const [rule, names] of Object.entries({ deny, requireApproval })) {
    for (const name of names) {
      const tool = tools.find((one) => one.name === name);
      // What sources bring is known when they are opened, and looked at then.
      const isKnown = tool !== undefined || toolSources.length > 0 || (name === USE_SKILL && hasSkills(options));
      if (!isKnown) refuse(`${rule} names "${name}", which is none of its tools: ${listOf(tools)}`);
      if (rule === "requireApproval" && tool?.target === "client") {
        refuse(`requireApproval names "${name}", a client tool: who runs it decides`);
      }
    }
  }
}

function checkSingleCall({ tools = [], toolSources = [] }: AgentOptions, refuse: Refuse): void {
  if (tools.length > 0)
    refuse(`strategy "single_call" makes one model call and runs no tools; it has ${listOf(tools)}`);
  if (toolSources.length > 0)
    refuse('strategy "single_call" makes one model call and runs no tools; take out toolSources');
}

function checkBudget(budget: Budget, refuse: Refuse): void {
  checkNames("budget", budget, BUDGET_OPTIONS);
  const { maxTokens, maxCostUsd, maxMs, warnAt = [] } = budget;
  for (const [key, max] of Object.entries({ maxTokens, maxMs })) {
    if (max !== undefined && !(Number.isInteger(max) && max > 0)) {
      refuse(`budget.${key} must be a whole number > 0, got ${max}`);
    }
  }
  if (maxCostUsd !== undefined && !(maxCostUsd > 0 && maxCostUsd < 1e6)) {
    refuse(`budget.maxCostUsd must be > 0 and below 1000000, got ${maxCostUsd}`);
  }
  const wrong = warnAt.find((fraction) => !(fraction > 0 && fraction < 1));
  if (wrong !== undefined) refuse(`budget.warnAt must hold fractions between 0 and 1, got ${wrong}`);
  if (maxTokens === undefined && maxCostUsd === undefined && maxMs === undefined) {
    refuse("budget sets no limit; give maxTokens, maxCostUsd or maxMs");
  }
}

function requireUnique(refuse: Refuse, what: string, names: readonly string[]): void {
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) refuse(`there are two ${what} "${twice}"`);
}

const hasSkills = ({ skills = [], skillsDir }: AgentOptions): boolean => skills.length > 0 || skillsDir !== undefined;
const listOf = (tools: readonly { readonly name: string }[]): string =>
  tools.map(({ name }) => name).join(", ") || "none";
