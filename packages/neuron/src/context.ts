/** Context: what a running neuron sees of the world: its ids, its deadline, the answers so far, and how to call others. */

import type { ChildEnd, NewRunEvent, RunEventEntry } from "@myelin/bus/run-events";
import type { z } from "zod";
import type { NeuronContract } from "./contract.ts";
import type { JsonObject, ObjectInput } from "./outcomes.ts";

/** What somebody said to an earlier pause of this run. */
export interface Answer {
  readonly kind: "clarification" | "permission" | "escalation";
  /** The question, the action or the reason the neuron gave when it paused. */
  readonly question: string;
  readonly answer: unknown;
  /** The decision; set for kind `permission` only. */
  readonly granted?: boolean | undefined;
  /** Who answered, when known. */
  readonly by?: string | undefined;
}

/** A child to dispatch: to `neuron`, or to any neuron that has all of `capabilities`. Exactly one of the two is given. */
export interface ChildRequest {
  readonly neuron?: string | undefined;
  readonly capabilities?: readonly string[] | undefined;
  readonly input: ObjectInput;
  /** How long to wait, in milliseconds, never past the parent's deadline. Default: until the parent's deadline. */
  readonly timeoutMs?: number | undefined;
  /** Default: `durable`. */
  readonly delivery?: "durable" | "transient" | undefined;
  /** Default: this run's own. */
  readonly priority?: "high" | "normal" | "low" | undefined;
  readonly metadata?: ObjectInput | undefined;
  /** As for a dispatch: whoever asks again with the key, also a later start of this run, gets the same child. */
  readonly idempotencyKey?: string | undefined;
  /** When the child pauses for somebody: `reject` (default), or `wait` until it has ended, with the slot free meanwhile. */
  readonly onPause?: "reject" | "wait" | undefined;
}

/** What `ctx.call` takes beside contract and input. */
export type ChildCallOptions = Pick<ChildRequest, "timeoutMs" | "delivery" | "priority" | "metadata">;

/** The slice of a child's AGENT_OUTPUT that a neuron may see. */
export interface ChildReply {
  readonly trace_id: string;
  /** Who answered: the child's neuron id. */
  readonly directed: { readonly id: string };
  readonly payload: { readonly output: JsonObject };
}

/** A call that is a run of its own: what it is, and the key by which a later start of this run finds it again. */
export interface Delegation {
  readonly neuron: string;
  readonly input: JsonObject;
  readonly idempotencyKey: string;
  /** How long the child has, in milliseconds, never past the parent's deadline. */
  readonly timeoutMs: number;
  readonly metadata: JsonObject;
}

/** What became of it: it has ended, well or not, or it waits for somebody. */
export type Delegated =
  ({ readonly kind: "ended" } & ChildEnd) | { readonly kind: "paused"; readonly runId: string; readonly agent: string };

/** One call of a tool, as shown to whoever watches the run. */
export interface ToolCallNote {
  readonly tool: string;
  readonly args: JsonObject;
  /** Joins a call to its result when several run at once. */
  readonly callId?: string | undefined;
}

/** One tool result, as shown to whoever watches the run: `result` or `error`. */
export interface ToolResultNote {
  readonly tool: string;
  readonly callId?: string | undefined;
  readonly result?: unknown;
  readonly error?: string | undefined;
}

/** What the function of a step is given. */
export interface Step {
  readonly name: string;
  /** The same in every start of the run, and of no other step: the idempotency key to hand outside. */
  readonly key: string;
}

export interface StepOptions {
  /**
   * False: announce the step first, and raise `StepInDoubtError` instead of running it again when an earlier start may have.
   * Costs one more append. Default true: what happened between the effect and its acknowledgement may happen again.
   */
  readonly repeatable?: boolean | undefined;
}

/**
 * The journal of this run: what every start of it has put on record, in order. A run that uses it owns its entries: it can
 * be gone on with from them alone (J2). In a transient run it is kept in memory.
 */
export interface RunJournal {
  /** What is there so far, oldest first, by all starts of the run; also what was submitted to a pause. */
  read(): Promise<readonly RunEventEntry[]>;
  /**
   * Add entries; resolves once the log has them. Order is that of the calls, awaited or not; what is added meanwhile travels
   * together. Rejects when another start has the run: then this one must stop, and say nothing.
   */
  append(entries: readonly NewRunEvent[]): Promise<void>;
}

/**
 * The second argument of every neuron. Valid for one start of it; a paused run that goes on gets a new one. Its methods
 * may be called concurrently and without `this`.
 */
export interface NeuronContext {
  /**
   * Aborts at the deadline, on cancel, when the lease is lost, and when a drain runs out of time. Hand it to whatever waits.
   * `signal.reason.kind` says why: `stopped`, `drained`, `lost` or `deadline`.
   */
  readonly signal: AbortSignal;
  readonly neuronId: string;
  readonly runId: string;
  readonly traceId: string;
  readonly taskId: string;
  /** 1 for the first start; one more for every later one, whatever ended the one before. */
  readonly attempt: number;
  /** When the run ends at the latest; null when it has no deadline (a transient task may have none). */
  readonly deadline: Date | null;
  readonly tenantId: string;
  /** As given at dispatch; `{}` when none was. */
  readonly metadata: JsonObject;
  /** The answers to earlier pauses of this run, oldest first; empty on a first start. */
  readonly answers: readonly Answer[];
  /**
   * Runs `fn` once for the run: as soon as its result is acknowledged by the log it never runs again, however often the task
   * is started; later starts get the result (as JSON), or its error when that was final. Steps come in the same order in
   * every start, each with a name of its own. In a transient run nothing is kept: `fn` just runs.
   */
  readonly step: <T>(name: string, fn: (step: Step) => T | Promise<T>, options?: StepOptions) => Promise<T>;
  /** `key` of the step that runs now: what to hand outside as an idempotency key. Throws outside a step, and when several run. */
  readonly stepKey: string;
  /** For a neuron whose run is a journal, as an agent's: what `step` keeps is in it too. */
  readonly journal: RunJournal;
  /** Streams one piece of text, or of what a model thinks. Does not wait and never throws for the lack of a listener. */
  readonly thought: (delta: string, kind?: "text" | "reasoning") => void;
  /** Shows that a tool is called. It runs nothing. */
  readonly toolCall: (call: ToolCallNote) => void;
  /** Shows what a tool gave. */
  readonly toolResult: (result: ToolResultNote) => void;
  /**
   * Dispatches a child and waits for its output. The child inherits trace, deadline, tenant and signal; the slot of this
   * run is free for others while it waits. Rejects when the child fails, pauses or takes too long.
   */
  readonly dispatchAndWait: (request: ChildRequest) => Promise<ChildReply>;
  /**
   * For a neuron whose run is a journal: dispatches a child and waits until it has ended or waits for somebody. A run that then
   * pauses as `waiting_child`, and names the child in what is pending, is woken with its end in the journal. Rejects when
   * nothing is known of the child's end: nobody hosts it, or this run was aborted. A transient run has nowhere to be woken from:
   * it waits for the child's end.
   */
  readonly delegate: (request: Delegation) => Promise<Delegated>;
  /** `dispatchAndWait` by contract: types and values are checked on both sides. */
  readonly call: <I extends z.ZodType, O extends z.ZodType>(
    contract: NeuronContract<I, O>,
    input: z.input<I>,
    options?: ChildCallOptions,
  ) => Promise<z.output<O>>;
}
