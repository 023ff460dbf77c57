/** Outcomes: what a neuron returns instead of an answer, when it needs a person: clarify, permission, escalate. */

import type { WaitingStatus } from "@myelin/bus/run-events";
import { NeuronFailure } from "./errors.ts";
import { neuronIdProblem } from "./names.ts";

/** A JSON object: what goes in and out of a neuron. */
export type JsonObject = { [key: string]: unknown };

/** What may be given where a JSON object is wanted: also a value of an interface, which has no index signature. No list. */
export type ObjectInput = JsonObject | (object & { readonly length?: undefined });

/**
 * Marks an outcome. JSON has no symbols, so no user data, model answer or message from the wire can be mistaken for one
 * (Cosmonapse used the key `__clarification__`). `Symbol.for`, so that two installed copies of this package agree.
 */
const OUTCOME: unique symbol = Symbol.for("@myelin/neuron/outcome");

/** The neuron cannot go on without an answer. Made by `clarify`. */
export interface Clarify {
  readonly kind: "clarification";
  readonly question: string;
  readonly context: JsonObject;
  readonly [OUTCOME]: true;
}

/** The neuron may not go on without a yes. Made by `permission`. */
export interface Permission {
  readonly kind: "permission";
  readonly action: string;
  readonly scope: string | null;
  readonly reason: string | null;
  readonly context: JsonObject;
  readonly [OUTCOME]: true;
}

/** The neuron hands the run to somebody else. Made by `escalate`. */
export interface Escalate {
  readonly kind: "escalation";
  readonly reason: string;
  /** The neuron id meant to take over; null leaves it to whoever handles escalations. */
  readonly target: string | null;
  readonly context: JsonObject;
  readonly [OUTCOME]: true;
}

/** The run waits, as its journal says; what it needs is submitted there. Made by `pause`. */
export interface Pause {
  readonly kind: "pause";
  readonly status: WaitingStatus;
  readonly question: string;
  readonly context: JsonObject;
  /** ISO 8601; null: it waits for ever. */
  readonly expiresAt: string | null;
  readonly [OUTCOME]: true;
}

/** This start of the run has nothing to say: the run is gone on with under a later task. Made by `superseded`. */
export interface Superseded {
  readonly kind: "superseded";
  readonly [OUTCOME]: true;
}

/** What a neuron may return instead of an answer, told apart by `kind`. */
export type NeuronOutcome = Clarify | Permission | Escalate | Pause | Superseded;

/** What `permission` takes beside the action. */
export interface PermissionOptions {
  /** What the permission would cover, for example `"this run"` or a path. */
  readonly scope?: string | undefined;
  readonly reason?: string | undefined;
  /** JSON shown to the person who decides. Default `{}`. */
  readonly context?: JsonObject | undefined;
}

/** What `escalate` takes beside the reason. */
export interface EscalateOptions {
  /** The neuron id meant to take over. */
  readonly target?: string | undefined;
  /** JSON shown to whoever takes over. Default `{}`. */
  readonly context?: JsonObject | undefined;
}

/**
 * Return this from a neuron to pause its run until somebody answers `question`. The neuron is then started again with
 * the same input and the answer in `ctx.answers`. Throws `NeuronFailure` (OUTCOME_INVALID) when the question is empty.
 */
export function clarify(question: string, context: JsonObject = {}): Clarify {
  requireText("clarify(question)", question);
  return Object.freeze({ kind: "clarification", question, context: { ...context }, [OUTCOME]: true as const });
}

/**
 * Return this from a neuron to pause its run until somebody allows or refuses `action`. The neuron is then started again
 * with the same input and the decision in `ctx.answers` (`granted`). Throws `NeuronFailure` (OUTCOME_INVALID) when the
 * action is empty.
 */
export function permission(action: string, options: PermissionOptions = {}): Permission {
  requireText("permission(action)", action);
  const { scope = null, reason = null, context = {} } = options;
  return Object.freeze({
    kind: "permission",
    action,
    scope,
    reason,
    context: { ...context },
    [OUTCOME]: true as const,
  });
}

/**
 * Return this from a neuron to pause its run and hand it to somebody else, a person or the neuron `target`. Throws
 * `NeuronFailure` (OUTCOME_INVALID) when the reason is empty or the target is no neuron id.
 */
export function escalate(reason: string, options: EscalateOptions = {}): Escalate {
  requireText("escalate(reason)", reason);
  const { target = null, context = {} } = options;
  const problem = target === null ? null : neuronIdProblem(target);
  if (problem !== null) throw new NeuronFailure("OUTCOME_INVALID", `escalate(reason, { target }): ${problem}`);
  return Object.freeze({ kind: "escalation", reason, target, context: { ...context }, [OUTCOME]: true as const });
}

/** For neurons with a journal: return it once `run.paused` is acknowledged. */
export function pause(options: Pick<Pause, "status" | "question" | "context" | "expiresAt">): Pause {
  return Object.freeze({ kind: "pause", ...options, [OUTCOME]: true as const });
}

/** For neurons with a journal: return it when the journal says that a later task has the run. No reply is sent. */
export function superseded(): Superseded {
  return Object.freeze({ kind: "superseded", [OUTCOME]: true as const });
}

/** Whether `x` was made by `clarify`, `permission` or `escalate`. Data that only looks like an outcome is not one. */
export function isNeuronOutcome(x: unknown): x is NeuronOutcome {
  return typeof x === "object" && x !== null && OUTCOME in x;
}

function requireText(where: string, text: unknown): void {
  if (typeof text === "string" && text.trim() !== "") return;
  throw new NeuronFailure("OUTCOME_INVALID", `${where} needs a text, got ${JSON.stringify(text) ?? typeof text}`);
}
