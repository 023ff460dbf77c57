/** Run results: what the run verbs give. Costs are US dollars, tokens null where no model call said them. */
import type { PendingCall, RunStatus, WaitingStatus } from "@myelin/bus/run-events";
import type { JsonObject, ModelUsage } from "@myelin/neuron";

/** Tokens of all model calls of a run. Null: no call said. */
export type RunUsage = ModelUsage;

/** A tool call that waits for somebody. */
export interface WaitingCall {
  readonly callId: string;
  readonly toolName: string;
  readonly params: JsonObject;
  readonly target: "server" | "client";
  /** What it waits for: `submitApproval`, `submitToolResults`, `submitInput`; or the end of `childRunId`. */
  readonly needs: PendingCall["needs"];
  /** The run it was delegated to, which waits for somebody itself, and whose run that is. Null where it needs no `child`. */
  readonly childRunId: string | null;
  readonly childAgent: string | null;
}

/** What a run waits for, with the real values in place of placeholders. */
export interface RunPause {
  /** Null for a neuron without a journal. */
  readonly pauseId: string | null;
  readonly status: WaitingStatus;
  readonly question: string;
  /** `approval`, `client_tool`, `input`, `budget`, `in_doubt` or `child`; null for a neuron without a journal. */
  readonly reason: string | null;
  /** What is still missing. */
  readonly pending: readonly WaitingCall[];
  /** Answers to choose from, if there are such. */
  readonly options: readonly string[];
  readonly assignees: readonly string[];
  /** Null: it waits for ever. */
  readonly expiresAt: Date | null;
}

interface RunSoFar {
  readonly runId: string;
  readonly traceId: string;
  /** What the agent said, with the real values in place of placeholders; null while it waits, and without one. */
  readonly answer: string | null;
  /** The answer as the agent's output schema has it; of a plain neuron its output. */
  readonly output: unknown;
  /** `vendor:model`; null for a plain neuron. */
  readonly model: string | null;
  /** Model calls so far. */
  readonly iterationCount: number;
  readonly usage: RunUsage;
  /** Null: the price of no call is known. */
  readonly costUsd: number | null;
}

/** A run that is over, or waits: by `status` or `pause` the type knows which. */
export type RunResult = RunSoFar &
  (
    | { readonly status: "success" | "max_iterations"; readonly pause: null }
    | { readonly status: WaitingStatus; /** What it waits for. */ readonly pause: RunPause }
  );

/** A submission that was taken. */
export interface Submitted {
  readonly runId: string;
  readonly traceId: string;
  /** Whether the run goes on. False: it waits for `pending`. */
  readonly isResumed: boolean;
  readonly pending: readonly WaitingCall[];
  /** Wait for what comes of it; as `runs.wait`. */
  result(options?: {
    readonly timeoutMs?: number | undefined;
    readonly signal?: AbortSignal | undefined;
    readonly onPause?: "return" | "wait" | undefined;
  }): Promise<RunResult>;
}

export interface CancelledRun {
  readonly runId: string;
  readonly traceId: string;
  /**
   * `cancelled`; how it ended when that was before; `running` when its worker has not answered within `timeoutMs` (it will be
   * stopped all the same).
   */
  readonly status: RunStatus;
}
