/** What goes wrong with agents: a definition that cannot work, and the codes with which a run of one fails. A leaf. */
import { NeuronFailure } from "@myelin/neuron";

/**
 * An agent that could never work: a name that is none, two tools of one name, a rule about a tool it does not have. Thrown
 * by `defineAgent`, `tool`, `loadSkills`, and by the guardrails for a pattern that cannot be used.
 */
export class AgentDefinitionError extends Error {
  override readonly name = "AgentDefinitionError";
  readonly code = "AGENT_DEFINITION_INVALID";
}

/**
 * Codes of a run that failed, beside the model's own (`MODEL_…`):
 * - `AGENT_CHANGED`: the run was begun by an agent of another name, or one whose tools, vendors, output
 *   schema or guardrails were others
 * - `UNKNOWN_NAME`: the request names a tool, a source or a vendor that the agent does not have
 * - `TOOL_SOURCE_UNAVAILABLE`: a tool source did not open. Recoverable
 * - `TOOL_SOURCE_INVALID`: what it gave cannot be used: a name that is taken, or a rule about a tool that is not there
 * - `BUDGET_EXCEEDED`: the budget is used up and says `stop`, or nobody let it go on
 * - `GUARDRAIL_BLOCKED`: a blocking guardrail found something
 * - `GUARDRAIL_FAILED`: a guardrail threw, so nothing may pass. Recoverable
 * - `OUTPUT_INVALID`: the answer does not fit the output schema; it is in the journal as the model gave it
 */
export type AgentFailureCode =
  | "AGENT_CHANGED"
  | "UNKNOWN_NAME"
  | "TOOL_SOURCE_UNAVAILABLE"
  | "TOOL_SOURCE_INVALID"
  | "BUDGET_EXCEEDED"
  | "GUARDRAIL_BLOCKED"
  | "GUARDRAIL_FAILED"
  | "OUTPUT_INVALID";

/** A run that cannot go on. */
export const agentFailure = (
  code: AgentFailureCode,
  message: string,
  options: { readonly recoverable?: boolean; readonly cause?: unknown } = {},
): NeuronFailure => new NeuronFailure(code, message, options);
