/** Run events: what a run does, for whoever watches it: its journal, and the pieces of text in between. */
import type { JsonObject } from "@myelin/neuron";
import type { RunPause, RunResult, RunUsage } from "./run-result.ts";

interface Of<T extends string> {
  readonly type: T;
  readonly runId: string;
}
/** From the journal: in order, without gaps, and the same whenever it is read. */
interface Recorded<T extends string> extends Of<T> {
  /** Go on behind it with `follow(runId, { afterSequenceIndex })`. Null for the end of a run that did not write it. */
  readonly sequenceIndex: number | null;
  readonly iteration: number;
  /** The journal's type, `llm.completed`; null where the journal has none. */
  readonly eventType: string | null;
  /** The entry's data, as stored. */
  readonly data: JsonObject;
}
/** Live: at most once, and not again to whoever comes later. */
interface Live<T extends string> extends Of<T> {
  readonly sequenceIndex: null;
}

export type RunStreamEvent =
  | (Recorded<"run_started"> & { readonly traceId: string; readonly agentName: string; readonly model: string })
  | (Live<"text_delta"> & { readonly text: string })
  | (Live<"reasoning_delta"> & { readonly text: string })
  | (Recorded<"llm_completed"> & {
      readonly text: string;
      readonly usage: RunUsage;
      readonly costUsd: number | null;
    })
  | (Recorded<"tool_call"> & {
      readonly callId: string;
      readonly toolName: string;
      readonly params: JsonObject;
      readonly target: "server" | "client";
    })
  | (Recorded<"tool_result"> & {
      readonly callId: string;
      readonly toolName: string;
      readonly success: boolean;
      readonly result: unknown;
      readonly error: string | null;
    })
  | (Recorded<"run_paused"> & { readonly pause: RunPause })
  | (Recorded<"run_resumed"> & { readonly by: string | null })
  | (Recorded<"run_completed"> & { readonly result: RunResult })
  | (Recorded<"run_error"> & { readonly code: string; readonly message: string })
  | (Recorded<"run_cancelled"> & { readonly reason: string | null; readonly by: string | null })
  /** Any other entry: `policy.denied`, `budget.threshold`, `attempt.started`, … */
  | Recorded<"event">;

/** Types behind which a stream of a run ends. */
export const END_EVENTS = ["run_completed", "run_error", "run_cancelled"] as const;
