/** What a caller hands to a Dendrite: a dispatch, a wait, a call. */
import type { Lane } from "@myelin/bus";
import type { ObjectInput } from "@myelin/neuron";

export interface DispatchRequest {
  /** The neuron to run. Either this, or `capabilities`. */
  readonly neuron?: string | undefined;
  /** Any neuron that has all of these; resolved here, from the roster, to one neuron. */
  readonly capabilities?: readonly string[] | undefined;
  readonly input: ObjectInput;
  /** The trace to join; `newTraceId()` makes one. Default a new one. */
  readonly traceId?: string | undefined;
  /** The Signal that caused this. Default none. */
  readonly parentId?: string | undefined;
  /**
   * How long the task has, from now. It is not started later, and `ctx.signal` aborts then. Default 30_000 when waiting,
   * 3_600_000 (1 h) when not; at most 604_800_000 (7 days).
   */
  readonly timeoutMs?: number | undefined;
  /**
   * `durable` (default): in the log before it is sent, recorded, done by another worker if one dies. `transient`: faster,
   * and lost with the worker; no record.
   */
  readonly delivery?: "durable" | "transient" | undefined;
  /**
   * Which tasks of the neuron go first: all that are `high` before `normal` before `low`, but one of eight is for a lane
   * below, so that none starves. Default `normal`; a child has its parent's.
   */
  readonly priority?: Lane | undefined;
  /** When nobody hosts the neuron: `fail` (default) with `NoWorkerError`, or `wait` in the log until the deadline. */
  readonly whenAbsent?: "fail" | "wait" | undefined;
  /** Goes on the run, where `RunStore` can filter by it: `{ thread_id, user_id }`. */
  readonly metadata?: ObjectInput | undefined;
  readonly tenantId?: string | undefined;
  /**
   * 1 to 255 characters. All who dispatch with one key (to one neuron or list of capabilities, of one tenant) get the reply
   * of one run, now and for `idempotencyKeepMs` after it ended; with another input `IdempotencyConflictError`. Durable only.
   * Aborting `signal` then gives up the wait and leaves the run to the others; `stopTrace` stops it.
   */
  readonly idempotencyKey?: string | undefined;
}

export interface WaitRequest extends DispatchRequest {
  /** Abort to give up: the wait rejects with the signal's reason, and the run is stopped. */
  readonly signal?: AbortSignal | undefined;
  /**
   * When the run pauses for a person: `reject` (default) with `NeuronPausedError`, `return` the pause, or `wait` through to
   * the output.
   */
  readonly onPause?: "reject" | "return" | "wait" | undefined;
}

/** What `call` takes beside contract and input. */
export type CallOptions = Omit<WaitRequest, "neuron" | "capabilities" | "input" | "onPause">;

/** Where a run is known by its key. */
export interface RunKey {
  readonly idempotencyKey: string;
  /** As it was dispatched: either this, or `capabilities`. */
  readonly neuron?: string | undefined;
  readonly capabilities?: readonly string[] | undefined;
  readonly tenantId?: string | undefined;
}

export interface ReattachOptions {
  /** Whose run it must be: of another tenant it is not found. A key says its own. Default: whoever's it is. */
  readonly tenantId?: string | undefined;
  /** How long to wait for the reply, from now. Default 30_000; at most 604_800_000 (7 days). */
  readonly timeoutMs?: number | undefined;
  /** Abort to give up: the wait rejects with the signal's reason; the run goes on. */
  readonly signal?: AbortSignal | undefined;
  /** As for a dispatch. Default `reject`. */
  readonly onPause?: "reject" | "return" | "wait" | undefined;
}

/** What a child inherits from the run that dispatches it. */
export interface Parent {
  readonly runId: string;
  readonly deadline: Date | null;
}
