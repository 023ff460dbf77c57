/** What RunStore gives: plain records of our own, never Prisma's. Sequences and counts are numbers, times are Dates. */
import type { SignalType } from "@myelin/bus";
import type { RunStatus } from "@myelin/bus/run-events";

/** A JSON object as it was stored. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Why a run failed: what its ERROR said. */
export interface RunError {
  readonly code: string;
  readonly message: string;
  /** Whether trying the same again may work. */
  readonly recoverable: boolean;
}

/** A run as a list shows it. */
export interface RunSummary {
  readonly runId: string;
  /** Null when it was dispatched without one. */
  readonly tenantId: string | null;
  readonly traceId: string;
  readonly parentRunId: string | null;
  /** Who was asked; an agent's name is its neuron id. Null when the log did not hold who. */
  readonly neuronId: string | null;
  readonly status: RunStatus;
  /** As given at dispatch. */
  readonly metadata: JsonObject;
  readonly error: RunError | null;
  /** Starts of the task, whatever ended them. */
  readonly attempts: number;
  /** Iterations of its journal; 0 for a run without one. */
  readonly iterationCount: number;
  /** When the log stored its first Signal, its last one, and the terminal that counts. */
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly endedAt: Date | null;
}

/** A run with what it was asked and what it answered. */
export interface RunDetail extends RunSummary {
  readonly namespace: string;
  /** Null when the TASK was no longer in the log. */
  readonly input: unknown;
  /** Null until the run ends with an answer. */
  readonly output: unknown;
  readonly priority: "high" | "normal" | "low";
  readonly deadline: Date | null;
  /** Sequences of its first and last Signal in the log. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Terminals that came after the one that counts: they reached no caller. */
  readonly lateTerminals: number;
}

/** One entry of a run's journal. */
export interface StoredEvent {
  readonly sequenceIndex: number;
  readonly iterationIndex: number;
  readonly eventType: string;
  /** Ties a `…completed` to what it completes. */
  readonly correlationId: string | null;
  readonly data: JsonObject;
  readonly createdAt: Date;
}

/** One Signal of the log. `directed`, `payload` and `meta` are as they were on the wire. */
export interface StoredSignal {
  readonly seq: number;
  /** By the log's clock. */
  readonly storedAt: Date;
  readonly id: string;
  readonly type: SignalType;
  readonly traceId: string;
  readonly parentId: string | null;
  readonly runId: string | null;
  readonly tenantId: string | null;
  /** By the sender's clock. */
  readonly ts: Date;
  readonly directed: {
    readonly id: string | null;
    readonly type: string | null;
    readonly capabilities: readonly string[];
  } | null;
  readonly payload: JsonObject;
  readonly meta: JsonObject;
}

/** A Signal and what it caused. */
export interface TraceNode {
  readonly signal: StoredSignal;
  /** In the order of the log. */
  readonly children: readonly TraceNode[];
}

/** One neuron of one process. */
export interface WorkerRecord {
  readonly namespace: string;
  readonly instanceId: string;
  readonly neuronId: string;
  readonly label: string | null;
  readonly capabilities: readonly string[];
  readonly version: string | null;
  readonly concurrency: number | null;
  /** As its last HEARTBEAT said; `registered` before the first, `left` after its DEREGISTER. */
  readonly status: string;
  readonly inFlight: number;
  readonly processed: number;
  readonly lastProcessedAt: Date | null;
  readonly lastSeenAt: Date;
  readonly leftAt: Date | null;
}

/**
 * - `task`: a durable task that failed for good: the first terminal of its run is an ERROR
 * - `message`: an entry of the log that could not be recorded as a Signal
 */
export type DeadLetterKind = "task" | "message";

/** One start of a task that ended in nothing, as the ERROR tells it. */
export interface FailedAttempt {
  readonly attempt: number;
  readonly code: string;
  readonly message: string;
  /** When it failed, ISO 8601, by its worker's clock. */
  readonly at: string;
  /** The process it failed in, when it said so. */
  readonly instance?: string;
}

/** What failed for good. */
export interface DeadLetter {
  /** Of a task: the id of its ERROR. Of a message: one of our own, which stays. */
  readonly id: string;
  readonly kind: DeadLetterKind;
  /** Of a task: its ERROR's. Of a message: `NOT_JSON`, `WRONG_VERSION`, `UNKNOWN_TYPE`, `WRONG_SHAPE`, `BAD_OBJECT` or `UNSTORABLE`. */
  readonly code: string;
  readonly message: string;
  readonly namespace: string;
  /** Sequence of the message, or of the ERROR. */
  readonly seq: number;
  /** When the log stored it. */
  readonly createdAt: Date;
  readonly tenantId: string | null;
  /** Null of a message that is no Signal. */
  readonly runId: string | null;
  /** These are null, or empty, of a message. */
  readonly neuronId: string | null;
  readonly traceId: string | null;
  /** Sequence of the TASK that failed. */
  readonly taskSeq: number | null;
  /** Oldest first; empty when the ERROR says nothing of them. */
  readonly attempts: readonly FailedAttempt[];
  /** The run that did it again; null when none did. */
  readonly replayedRunId: string | null;
}

/** A dead letter with what the log holds. */
export interface DeadLetterDetail extends DeadLetter {
  /** Of a message: its subject and its bytes. Null of a task, whose Signals are in `getSignals({ runId })`. */
  readonly subject: string | null;
  readonly bytes: Uint8Array | null;
}

/** How far a log is recorded: `signals + deadLetters + missing` is `position` for as long as nothing was deleted. */
export interface RecordedCount {
  readonly position: number;
  readonly signals: number;
  /** Of the kind `message`. */
  readonly deadLetters: number;
  /** Sequences that the log did not hold any more when the recorder came by. */
  readonly missing: number;
}
