/**
 * The vocabulary of runs: statuses, pause kinds and journal entries. No Signal and no subject is named here, so that
 * neurons and agents may import it (`@myelin/bus/run-events`) without seeing the bus.
 */
import { z } from "zod";

export * from "./run-statuses.ts";
export * from "./run-event-data.ts";
export * from "./budget.ts";
export * from "./usd.ts";
export * from "./agent-io.ts";
export * from "./journal-state.ts";
export * from "./child-end.ts";
export * from "./pause-answers.ts";
export * from "./settle-children.ts";
export * from "./guardrail-patterns.ts";
export { BLOCKED_TEXT, inLeaf, toGuarded, looksAt, textsOf } from "./guard.ts";
export type { Blocked, GuardWhere, Guarded, GuardrailEntry, LeafFindings } from "./guard.ts";
export { findBlocked, guardByPatterns, submissionGuard } from "./guard-by-patterns.ts";
export type { BlockPattern } from "./guard-by-patterns.ts";
export { MAX_PLACEHOLDER_LENGTH, Placeholders } from "./placeholders.ts";
export { textLeaves } from "./text-leaves.ts";
export type { TextLeaf } from "./text-leaves.ts";

/** Journal entry types. A reader keeps and ignores a type it does not know. */
export const RUN_EVENT_TYPES = [
  "run.started",
  "attempt.started",
  "attempt.failed",
  "attempt.released",
  "llm.completed",
  "llm.failed",
  "tool.started",
  "tool.completed",
  "child.paused",
  "step.started",
  "step.completed",
  "step.failed",
  "run.paused",
  "run.resumed",
  "run.completed",
  "run.error",
  "run.cancelled",
  "run.interrupted",
  "run.abandoned",
  "policy.denied",
  "approval.requested",
  "approval.decided",
  "budget.threshold",
  "budget.exceeded",
  "guardrail.detected",
  "guardrail.redacted",
  "guardrail.blocked",
  "guardrail.unmapped_placeholder",
  "skill.registered",
  "skill.denied",
  "skill.invoked",
  "mcp.connected",
  "mcp.error",
  "provider.retry",
] as const;
export type RunEventType = (typeof RUN_EVENT_TYPES)[number];

/**
 * One entry of a run's journal. `sequence_index` counts entries of the run from 0, gapless and unique (J1).
 * `correlation_id` ties a `…completed` to what it completes.
 */
export const runEventEntry = z.looseObject({
  sequence_index: z.int().nonnegative(),
  iteration_index: z.int().nonnegative(),
  event_type: z.string().regex(/^[a-z_]+(\.[a-z_]+)+$/),
  correlation_id: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
});
export type RunEventEntry = z.output<typeof runEventEntry>;

/** An entry before it has its place in the journal. */
export interface NewRunEvent {
  readonly event_type: RunEventType;
  /** Default 0. */
  readonly iteration_index?: number | undefined;
  readonly correlation_id?: string | undefined;
  readonly data: Record<string, unknown>;
}
