/** What RunStore gives: plain records of our own, never Prisma's. Sequences and counts are numbers, times are Dates. */
import type { SignalType } from "@myelin/bus";
import type { RunStatus, WaitingStatus } from "@myelin/bus/run-events";

/** A JSON object as it was stored. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Why a run failed: what its ERROR said. */
export interface RunError {
  readonly code: string;
  readonly message: string;
  /** Whether trying the same again may work. */
  readonly recoverable: boolean;
}

/** Sums over the model calls of a run, also of one that goes on, waits or failed. Null: no call said; that is not 0. */
export interface UsageTotals {
  /** What no cache served. */
  readonly totalInputTokens: number | null;
  readonly totalOutputTokens: number | null;
  readonly totalCacheReadTokens: number | null;
  readonly totalCacheCreationTokens: number | null;
  /** Part of `totalOutputTokens`. */
  readonly totalReasoningTokens: number | null;
  /** Of the calls whose cost is known. Stored as whole nano-dollars. */
  readonly totalCostUsd: number | null;
  /** Answered calls whose cost nobody knows: with any of them `totalCostUsd` is too low. */
  readonly unknownCostCount: number;
}

/** A run as a list shows it. What only agents have is null, or 0, for other runs and until the run has begun. */
export interface RunSummary extends UsageTotals {
  readonly runId: string;
  /** Null when it was dispatched without one. */
  readonly tenantId: string | null;
  readonly traceId: string;
  readonly parentRunId: string | null;
  /** The run that this one tries again. */
  readonly retryOfRunId: string | null;
  /** Who was asked; an agent's name is its neuron id. Null when the log did not hold who. */
  readonly neuronId: string | null;
  /** Set for agents. */
  readonly agentName: string | null;
  /** Vendor and model the run was given, `anthropic:claude-sonnet-5-5`. */
  readonly model: string | null;
  /** How many agents are above it: 0 for a run that was asked for by no agent. */
  readonly delegationLevel: number;
  readonly status: RunStatus;
  /** What it waits for; null while it does not wait, and of a run without a journal. */
  readonly pause: OpenPause | null;
  /** As given at dispatch. */
  readonly metadata: JsonObject;
  readonly error: RunError | null;
  /** Starts of the task, whatever ended them. */
  readonly attempts: number;
  /** Iterations of its journal; 0 for a run without one. */
  readonly iterationCount: number;
  /** Model calls, failed ones among them, and answered tool calls. */
  readonly llmCallCount: number;
  readonly toolCallCount: number;
  /** When the log stored its first Signal, its last one, and the terminal that counts. */
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly endedAt: Date | null;
  /** When the log stored the last part of its journal. */
  readonly lastProgressAt: Date | null;
}

/** What a run that waits was paused for. */
export interface OpenPause {
  readonly pauseId: string;
  readonly status: WaitingStatus;
  /** `approval`, `client_tool`, `input`, `budget`, `in_doubt` or `child`. */
  readonly reason: string;
  /** What a person is asked, in a sentence. */
  readonly question: string;
  /** As when it paused. What was answered since, `getPauses` says. */
  readonly pending: readonly PendingToolCall[];
  /** Answers to choose from; empty when any will do. */
  readonly options: readonly string[];
  /** Who should answer; empty: anybody. */
  readonly assignees: readonly string[];
  /** Null: it waits for ever. */
  readonly expiresAt: Date | null;
}

/** A tool call as the model made it. */
export interface StoredToolCall {
  /** Ours, unique in the run. */
  readonly callId: string;
  /** The vendor's; null when it gives none. */
  readonly providerCallId: string | null;
  readonly toolName: string;
  readonly params: JsonObject;
}

/** A tool call that waits for somebody. */
export interface PendingToolCall extends StoredToolCall {
  readonly target: "server" | "client";
  readonly needs: "approval" | "result" | "input" | "child";
  /** The run it was delegated to, which waits for somebody itself, and whose run that is. Null where it needs no `child`. */
  readonly childRunId: string | null;
  readonly childAgent: string | null;
}

/** A run with what it was asked and what it answered. */
export interface RunDetail extends RunSummary {
  readonly namespace: string;
  /** Null when the TASK was no longer in the log. */
  readonly input: unknown;
  /** Null until the run ends with an answer. An agent's has the real values in place of placeholders. */
  readonly output: unknown;
  /** An agent's, as the model said it: placeholders are kept. */
  readonly answer: string | null;
  /** These are null for runs of other neurons. The loop: `react` or `single_call`. */
  readonly strategy: string | null;
  readonly agentVersion: string | null;
  readonly maxIterations: number | null;
  readonly maxDelegationDepth: number | null;
  /** The key it was dispatched with. */
  readonly idempotencyKey: string | null;
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

/** One call of a model. Null means "not said", 0 means none. */
export interface LlmCall {
  /** Also the `correlationId` of its journal entry. */
  readonly id: string;
  readonly sequenceIndex: number;
  readonly iteration: number;
  readonly provider: string;
  /** As the server named it. */
  readonly model: string;
  /** False: it gave nothing. It may have cost something all the same. */
  readonly success: boolean;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  /** Input and output. */
  readonly totalTokens: number | null;
  readonly cacheReadInputTokens: number | null;
  readonly cacheCreationInputTokens: number | null;
  readonly reasoningTokens: number | null;
  readonly costUsd: number | null;
  readonly durationMs: number;
  readonly finishReason: string | null;
  /** Null of a failed call. */
  readonly text: string | null;
  readonly toolCalls: readonly StoredToolCall[];
  readonly reasoning: string | null;
  /** What went to the model, as far as it is recorded (`recordPayloads`): what this call added, or all of it. */
  readonly messages: readonly JsonObject[] | null;
  /** As they were on the vendor's wire; null when they are not recorded. */
  readonly providerRequest: unknown;
  readonly providerResponse: unknown;
  /** Null when no guardrail found anything. */
  readonly guardrailFindings: GuardrailFindings | null;
  readonly createdAt: Date;
}

/** How often guardrails found which kind: in what was new to the model with this call, and in what it answered. Never what. */
export interface GuardrailFindings {
  readonly incoming: Readonly<Record<string, number>>;
  readonly outgoing: Readonly<Record<string, number>>;
}

/** One answered tool call: of a tool, a client, a person, or of the policy that refused it. */
export interface ToolInvocation {
  readonly sequenceIndex: number;
  readonly iteration: number;
  /** Place of its answer in the conversation. */
  readonly orderIndex: number;
  readonly toolCallId: string;
  readonly providerToolCallId: string | null;
  readonly toolName: string;
  readonly target: "server" | "client";
  readonly params: JsonObject;
  /** Any JSON. */
  readonly result: unknown;
  readonly success: boolean;
  readonly error: string | null;
  readonly durationMs: number | null;
  readonly createdAt: Date;
}

/** One message of a run's conversation. The system prompt, context and earlier chat are not among them. */
export interface TraceEntry {
  /** From 0, gapless, and the order of the conversation, also across pauses. */
  readonly orderIndex: number;
  readonly role: "user" | "assistant" | "tool";
  /** As the model saw it. */
  readonly content: string;
  readonly iteration: number;
  /** Of an assistant. */
  readonly toolCalls: readonly StoredToolCall[];
  /** These two are null but of a tool. */
  readonly toolCallId: string | null;
  readonly toolName: string | null;
  readonly isError: boolean;
  /** It is of the run that this one tries again. */
  readonly isSeed: boolean;
  readonly createdAt: Date;
}

/** A pause of a run, and how it ended. */
export interface PausePair extends OpenPause {
  readonly pauseSequenceIndex: number;
  readonly pauseAt: Date;
  /** Null while it waits, and of a run that was ended while it did. */
  readonly resumeSequenceIndex: number | null;
  readonly resumeAt: Date | null;
  readonly resumedBy: string | null;
  /** The run waits for it now. */
  readonly isOpen: boolean;
  /** What still has to be answered. */
  readonly missing: readonly PendingToolCall[];
  /** In the order they came; a part of them while it is open. */
  readonly decisions: readonly ApprovalDecision[];
  /** Results that a client or a person gave. */
  readonly submittedResults: readonly {
    readonly callId: string;
    readonly toolName: string;
    readonly success: boolean;
  }[];
  /** What a person answered to a question. */
  readonly userInput: string | null;
}

/** A person's word on one call. */
export interface ApprovalDecision {
  readonly callId: string;
  readonly toolName: string;
  readonly approved: boolean;
  readonly by: string | null;
  readonly reason: string | null;
  readonly decidedAt: Date;
}

/** A run as a family tree shows it. */
export interface RunBrief {
  readonly runId: string;
  readonly agentName: string | null;
  readonly neuronId: string | null;
  readonly status: RunStatus;
  readonly delegationLevel: number;
}

/** Where a run stands among the runs that asked for it and those it asked for. */
export interface DelegationInfo {
  /** `isKnown` is false when its row is not there (deleted, another tenant's); then the rest of it is null. */
  readonly parent: (RunBrief & { readonly isKnown: true }) | { readonly runId: string; readonly isKnown: false } | null;
  /** Oldest first. */
  readonly children: readonly RunBrief[];
  /** Root first, without the run itself. */
  readonly ancestry: readonly RunBrief[];
  /** False when a run above is not known, or runs are their own ancestors. */
  readonly isAncestryComplete: boolean;
  readonly subtree: SubtreeSummary;
}

/** A run and everything below it. */
export interface SubtreeSummary {
  readonly directChildCount: number;
  /** Without the run itself; everything else here is with it. */
  readonly descendantCount: number;
  /** Levels below the run. */
  readonly maxDepth: number;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly costUsd: number | null;
  /** Answered model calls whose cost nobody knows: with any of them `costUsd` is too low. */
  readonly unknownCostCount: number;
  readonly statusCounts: Readonly<Partial<Record<RunStatus, number>>>;
}

/** What runs cost, by one key. */
export interface CostLine {
  /** The model (`anthropic:claude-…`), the agent, the day (UTC, `2026-11-20`), or the value of the metadata key as text. Null: none. */
  readonly key: string | null;
  readonly runCount: number;
  readonly llmCallCount: number;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly cacheReadInputTokens: number | null;
  readonly cacheCreationInputTokens: number | null;
  readonly reasoningTokens: number | null;
  readonly costUsd: number | null;
  /** Answered calls whose cost nobody knows: with any of them `costUsd` is too low. */
  readonly unknownCostCount: number;
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
  /** Null when its REGISTER is not recorded. */
  readonly registeredAt: Date | null;
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
