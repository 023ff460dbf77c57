/**
 * What an agent takes and gives, on the wire: the `input` of its TASK and the `output` of its AGENT_OUTPUT. Both sides
 * check it against these schemas. What is left out of an input is the agent's own setting.
 */
import { z } from "zod";
import { guardrailPattern } from "./guardrail-patterns.ts";
import { budget, chatMessage, contextBlock, usage } from "./run-event-data.ts";

const jsonObject = z.record(z.string(), z.unknown());

/**
 * A conversation so far: starts with the user, ends with the assistant, and takes turns, so that the new message follows.
 */
export const chatHistory = z.array(chatMessage).superRefine((turns, ctx) => {
  const wrong = turns.findIndex(({ role }, at) => role !== (at % 2 === 0 ? "user" : "assistant"));
  if (wrong >= 0) {
    const wanted = wrong % 2 === 0 ? "user" : "assistant";
    ctx.addIssue({ code: "custom", path: [wrong, "role"], message: `turn ${wrong} must be the ${wanted}'s` });
  } else if (turns.length % 2 === 1) {
    ctx.addIssue({ code: "custom", path: [turns.length - 1], message: "the last turn must be the assistant's" });
  }
});

export const agentInput = z.strictObject({
  /** What the user says. */
  text: z.string().min(1),
  history: chatHistory.optional(),
  context: z.array(contextBlock).optional(),
  /** Vendor and model, `anthropic:claude-opus-5-5`; a vendor alone takes its default model. */
  model: z.string().min(1).optional(),
  /** Settings for the model: temperature, max_tokens, … */
  params: jsonObject.optional(),
  /** The system prompt. */
  prompt: z.string().min(1).optional(),
  /** Names of the tools to use, of those the agent has. */
  tools: z.array(z.string()).optional(),
  /** Names of the tool sources (MCP) to use, of those the agent has. */
  sources: z.array(z.string()).optional(),
  max_iterations: z.int().min(1).max(200).optional(),
  /** Only tightens the agent's own. */
  budget: budget.optional(),
  max_delegation_depth: z.int().nonnegative().optional(),
  /** Set by an agent that delegates. */
  delegation_level: z.int().nonnegative().optional(),
  /** Set by `retry`. */
  retry_of: z.string().optional(),
  seed: z.array(jsonObject).optional(),
  seed_after: z.array(jsonObject).optional(),
  timeout_ms: z.int().positive().optional(),
});
export type AgentInput = z.input<typeof agentInput>;

export const agentOutput = z.looseObject({
  status: z.enum(["success", "max_iterations"]),
  /** With the real values in place of placeholders; null when it ran out of iterations. */
  answer: z.string().nullable(),
  /** The answer as the output schema has it; null without one. */
  output: z.unknown(),
  model: z.string(),
  iteration_count: z.int().nonnegative(),
  /** Sums over the run's model calls; null where no call said. */
  usage,
  cost_nano_usd: z.int().nonnegative().nullable(),
  /** The same of the run and all it delegated to; left out when it delegated to nobody. */
  subtree: z.looseObject({ usage, cost_nano_usd: z.int().nonnegative().nullable() }).optional(),
});
export type AgentOutput = z.output<typeof agentOutput>;

/** What a worker says of its agent when it registers, so that a caller's wrong names are refused before the TASK. */
export const agentCard = z.looseObject({
  kind: z.literal("agent"),
  /** Vendor and model a run has by default. */
  model: z.string(),
  /** Vendors a run may ask for. */
  vendors: z.array(z.string()),
  tools: z.array(z.string()),
  sources: z.array(z.string()),
  /** Patterns that refuse a message: checked by the caller, so that what they find is not stored. */
  blocks: z.array(guardrailPattern.extend({ guardrail: z.string() })),
});
export type AgentCard = z.output<typeof agentCard>;
