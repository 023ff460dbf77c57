/** Run requests: what the run verbs take. */
import type { Budget, ChatMessage, ContextBlock } from "@myelin/bus/run-events";
import type { JsonObject, ObjectInput } from "@myelin/neuron";

/** An agent by its neuron id, or by its definition. */
export type AgentRef = string | { readonly neuronId: string };

/** What one run is told, beside who runs it. What is left out is as the agent has it. */
export interface RunRequest {
  /** What the user says. Not empty. */
  readonly text: string;
  /** The conversation so far: starts with the user, takes turns, ends with the assistant. */
  readonly history?: readonly ChatMessage[] | undefined;
  /** Text beside the conversation: documents, a profile. */
  readonly context?: readonly ContextBlock[] | undefined;
  /** `vendor:model`, or a vendor alone for its default model. One the agent has, else `UnknownNameError`. */
  readonly model?: string | undefined;
  /** Settings for the model: `temperature`, `maxTokens`, `topP`, `stop`, `effort`, `thinkingBudget`, `seed`. */
  readonly params?: JsonObject | undefined;
  /** The system prompt. */
  readonly prompt?: string | undefined;
  /** Which of the agent's tools this run may use. */
  readonly tools?: readonly string[] | undefined;
  /** Which of the agent's tool sources (MCP) this run may use. */
  readonly sources?: readonly string[] | undefined;
  /** Model calls at most, 1 to 200. */
  readonly maxIterations?: number | undefined;
  readonly maxDelegationDepth?: number | undefined;
  /** What it may use up. It only tightens what the agent has. */
  readonly budget?: Budget | undefined;
  /** Goes on the run, where `RunStore` filters by it. */
  readonly metadata?: ObjectInput | undefined;
  readonly tenantId?: string | undefined;
  /** The trace to join. Default a new one. */
  readonly traceId?: string | undefined;
  readonly priority?: "high" | "normal" | "low" | undefined;
  /**
   * How long a task of the run may take, in milliseconds: from now to its end or pause, and again after each pause.
   * Default 3_600_000 (1 h); at most 604_800_000 (7 days).
   */
  readonly timeoutMs?: number | undefined;
  /** As for a dispatch: all who use the key get one run. */
  readonly idempotencyKey?: string | undefined;
}

/** A request, and how its caller waits. */
export interface RunAndWait extends RunRequest {
  /** Abort to give up: the run is stopped, and the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** When the run pauses: `return` (default) at once with its status and `pause`, or `wait` through to the end. */
  readonly onPause?: "return" | "wait" | undefined;
}

/** Whose run it must be: of another tenant it is not found. Default: whoever's it is. */
export interface TenantScope {
  readonly tenantId?: string | undefined;
}

export interface WaitForRun extends TenantScope {
  /** How long to wait from now, in milliseconds. Default 30_000; at most 604_800_000. */
  readonly timeoutMs?: number | undefined;
  /** Abort to give up; the run goes on. */
  readonly signal?: AbortSignal | undefined;
  /** When the run pauses: `return` (default), or `wait` through to the end. */
  readonly onPause?: "return" | "wait" | undefined;
}

interface SubmitOptions extends TenantScope {
  /** Who submits it, for the record. */
  readonly by?: string | undefined;
  /** How long the woken run has, in milliseconds. Default as it was started with, else 3_600_000 (1 h). */
  readonly timeoutMs?: number | undefined;
}

export interface Approval extends SubmitOptions {
  /** The word on every call that waits for one and is not in `calls`. Left out: only those in `calls` are decided. */
  readonly approved?: boolean | undefined;
  /** Why; a model reads it when it was refused. */
  readonly reason?: string | undefined;
  /** A word on single calls, by call id. */
  readonly calls?: Readonly<Record<string, { readonly approved: boolean; readonly reason?: string | undefined }>>;
}

export interface HumanInput extends SubmitOptions {
  readonly text: string;
  /** Which question it answers; needed only when several are open. */
  readonly callId?: string | undefined;
}

export type ClientToolResult =
  | { readonly callId: string; /** Any JSON. */ readonly result: unknown; readonly error?: undefined }
  | { readonly callId: string; readonly error: string; readonly result?: undefined };

export interface ToolResults extends SubmitOptions {
  /** Of some or all calls that wait; the run goes on with the last one. */
  readonly results: readonly ClientToolResult[];
}

export interface CancelRun extends TenantScope {
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
  /** How long to wait for a running run to end, in milliseconds. Default 5_000. The order stands when that is over. */
  readonly timeoutMs?: number | undefined;
}

/** What differs from the run that is retried. */
export type RetryRequest = Partial<Omit<RunAndWait, "tenantId" | "history" | "context">> & TenantScope;

export interface FollowRun extends TenantScope {
  /** Only what comes behind this `sequenceIndex`. Default: all, from the start. */
  readonly afterSequenceIndex?: number | undefined;
  /** End behind a `run_paused` too. Default false: go on to the end. */
  readonly untilPause?: boolean | undefined;
  /** Abort to leave; the run goes on. */
  readonly signal?: AbortSignal | undefined;
}
