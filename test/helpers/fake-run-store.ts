/** FakeRunStore: runs in an array, with levers: what a run router reads where no database is needed. Tenants are kept apart. */
import type { RunReads, ScopableReads } from "@myelin/http";
import type { LlmCall, PausePair, RunDetail, StoredEvent, ToolInvocation, TraceEntry } from "@myelin/runs";

const AT = new Date("2026-11-20T15:55:22.456Z");

/** A run as RunStore gives it. */
export function runOf(runId: string, more: Partial<RunDetail> = {}): RunDetail {
  return {
    runId,
    tenantId: null,
    traceId: "trc_1",
    parentRunId: null,
    retryOfRunId: null,
    neuronId: "support",
    agentName: "support",
    model: "anthropic:claude",
    delegationLevel: 0,
    status: "running",
    pause: null,
    metadata: { thread_id: "t1", camelCase: { stayAsIs: 1 } },
    error: null,
    attempts: 1,
    iterationCount: 1,
    llmCallCount: 1,
    toolCallCount: 1,
    totalInputTokens: 10,
    totalOutputTokens: 5,
    totalCacheReadTokens: null,
    totalCacheCreationTokens: null,
    totalReasoningTokens: null,
    totalCostUsd: 0.001,
    unknownCostCount: 0,
    createdAt: AT,
    updatedAt: AT,
    endedAt: null,
    lastProgressAt: AT,
    namespace: "default",
    input: { text: "hi", fooBar: 1 },
    output: null,
    answer: null,
    strategy: "react",
    agentVersion: null,
    maxIterations: 10,
    maxDelegationDepth: null,
    idempotencyKey: null,
    priority: "normal",
    deadline: AT,
    firstSeq: 1,
    lastSeq: 5,
    lateTerminals: 0,
    ...more,
  };
}

export const eventOf = (sequenceIndex: number, eventType = "attempt.started"): StoredEvent => ({
  sequenceIndex,
  iterationIndex: 0,
  eventType,
  correlationId: null,
  data: { toolName: "as it was" },
  createdAt: AT,
});

const toolCall = { callId: "call_1", providerCallId: "toolu_1", toolName: "refund", params: { orderId: 7 } };
const LLM_CALL: LlmCall = {
  id: "llm_1",
  sequenceIndex: 2,
  iteration: 1,
  provider: "anthropic",
  model: "claude",
  success: true,
  error: null,
  inputTokens: 10,
  outputTokens: 5,
  totalTokens: 15,
  cacheReadInputTokens: null,
  cacheCreationInputTokens: null,
  reasoningTokens: null,
  costUsd: 0.001,
  durationMs: 12,
  finishReason: "tool_use",
  text: "",
  toolCalls: [toolCall],
  reasoning: null,
  messages: [{ role: "user", someKey: 1 }],
  providerRequest: { maxTokens: 1 },
  providerResponse: null,
  guardrailFindings: null,
  createdAt: AT,
};
const TOOL_INVOCATION: ToolInvocation = {
  sequenceIndex: 4,
  iteration: 1,
  orderIndex: 2,
  toolCallId: "call_1",
  providerToolCallId: "toolu_1",
  toolName: "refund",
  target: "server",
  params: { orderId: 7 },
  result: { refundId: 3 },
  success: true,
  error: null,
  durationMs: 3,
  createdAt: AT,
};
const TRACE: TraceEntry = {
  orderIndex: 0,
  role: "user",
  content: "hi",
  iteration: 0,
  toolCalls: [],
  toolCallId: null,
  toolName: null,
  isError: false,
  isSeed: false,
  createdAt: AT,
};
const PAUSE: PausePair = {
  pauseId: "pause_1",
  status: "waiting_approval",
  reason: "approval",
  question: "May refund run?",
  pending: [{ ...toolCall, target: "server", needs: "approval", childRunId: null, childAgent: null }],
  options: [],
  assignees: ["ada"],
  expiresAt: null,
  pauseSequenceIndex: 3,
  pauseAt: AT,
  resumeSequenceIndex: null,
  resumeAt: null,
  resumedBy: null,
  isOpen: true,
  missing: [],
  decisions: [{ callId: "call_1", toolName: "refund", approved: true, by: "ada", reason: null, decidedAt: AT }],
  submittedResults: [{ callId: "call_2", toolName: "sheet", success: true }],
  userInput: null,
};

/** Every question that was asked, and of which tenant: `acme listRuns`. */
export class FakeRunStore implements ScopableReads {
  readonly asked: { readonly tenantId: string | null; readonly question: string; readonly args: readonly unknown[] }[] =
    [];
  readonly runs = new Map<string, RunDetail>();
  readonly events = new Map<string, StoredEvent[]>();
  /** What listRuns gives and countRuns counts, when not the runs themselves. */
  count: number | null = null;
  nextCursor: string | null = null;
  /** Set to make every question reject. */
  outage: Error | null = null;
  /** Streams that are open. */
  openStreams = 0;
  #wakers = new Set<() => void>();
  readonly #tenantId: string | null;
  readonly #root: FakeRunStore;

  constructor(tenantId: string | null = null, root?: FakeRunStore) {
    this.#tenantId = tenantId;
    this.#root = root ?? this;
  }

  for({ tenantId }: { tenantId: string }): RunReads {
    return new FakeRunStore(tenantId, this.#root);
  }

  addRun(run: RunDetail, events: StoredEvent[] = []): void {
    this.runs.set(run.runId, run);
    this.events.set(run.runId, events);
  }
  addEvent(runId: string, event: StoredEvent): void {
    this.events.get(runId)!.push(event);
    for (const wake of this.#wakers) wake();
  }
  endRun(runId: string, status: RunDetail["status"]): void {
    this.runs.set(runId, { ...this.runs.get(runId)!, status });
    for (const wake of this.#wakers) wake();
  }

  #ask(question: string, ...args: unknown[]): void {
    this.#root.asked.push({ tenantId: this.#tenantId, question, args });
    if (this.#root.outage) throw this.#root.outage;
  }
  #find(runId: string): RunDetail | null {
    const run = this.#root.runs.get(runId);
    return run && (this.#tenantId === null || run.tenantId === this.#tenantId) ? run : null;
  }
  #visible(): RunDetail[] {
    return [...this.#root.runs.values()].filter(({ runId }) => this.#find(runId));
  }

  async listRuns(...args: Parameters<RunReads["listRuns"]>) {
    this.#ask("listRuns", ...args);
    const names = [
      "namespace input output answer strategy agentVersion maxIterations maxDelegationDepth idempotencyKey priority",
      "deadline firstSeq lastSeq lateTerminals",
    ].flatMap((line) => line.split(" "));
    const toSummary = (run: RunDetail) =>
      Object.fromEntries(Object.entries(run).filter(([key]) => !names.includes(key)));
    return { runs: this.#visible().map(toSummary) as unknown as RunDetail[], nextCursor: this.#root.nextCursor };
  }
  async countRuns(...args: Parameters<RunReads["countRuns"]>) {
    this.#ask("countRuns", ...args);
    return Math.min(this.#root.count ?? this.#visible().length, args[1]?.limit ?? Infinity);
  }
  async getRun(runId: string) {
    this.#ask("getRun", runId);
    return this.#find(runId);
  }
  async getEvents(...[runId, options = {}]: Parameters<RunReads["getEvents"]>) {
    this.#ask("getEvents", runId, options);
    const events = (this.#find(runId) && this.#root.events.get(runId)) || [];
    return events.filter((event) => event.sequenceIndex > (options.afterSequenceIndex ?? -1)).slice(0, options.limit);
  }
  async *streamEvents(...[runId, options = {}]: Parameters<RunReads["streamEvents"]>) {
    this.#ask("streamEvents", runId, { afterSequenceIndex: options.afterSequenceIndex });
    const { signal } = options;
    let after = options.afterSequenceIndex ?? -1;
    this.#root.openStreams++;
    try {
      while (!signal?.aborted) {
        if (this.#root.outage) throw this.#root.outage;
        const event = this.#root.events.get(runId)!.find((one) => one.sequenceIndex > after);
        if (event) {
          after = event.sequenceIndex;
          yield event;
        } else if (!["running", "waiting_approval"].includes(this.#find(runId)!.status)) return;
        else await this.#root.changedOr(signal);
      }
    } finally {
      this.#root.openStreams--;
    }
  }
  changedOr(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#wakers.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      this.#wakers.add(wake);
      signal?.addEventListener("abort", wake);
    });
  }

  async getLlmCalls(...args: Parameters<RunReads["getLlmCalls"]>) {
    this.#ask("getLlmCalls", ...args);
    return this.#find(args[0]) ? [LLM_CALL] : [];
  }
  async getToolInvocations(...args: Parameters<RunReads["getToolInvocations"]>) {
    this.#ask("getToolInvocations", ...args);
    return this.#find(args[0]) ? [TOOL_INVOCATION] : [];
  }
  async getTraces(...args: Parameters<RunReads["getTraces"]>) {
    this.#ask("getTraces", ...args);
    return this.#find(args[0]) ? [TRACE] : [];
  }
  async getPauses(...args: Parameters<RunReads["getPauses"]>) {
    this.#ask("getPauses", ...args);
    return this.#find(args[0]) ? [PAUSE] : [];
  }
  async getDelegation(runId: string) {
    this.#ask("getDelegation", runId);
    const run = this.#find(runId);
    if (!run) return null;
    const brief = { runId, agentName: "support", neuronId: "support", status: run.status, delegationLevel: 0 };
    return {
      parent: { runId: "run_gone", isKnown: false as const },
      children: [brief],
      ancestry: [brief],
      isAncestryComplete: false,
      subtree: {
        directChildCount: 1,
        descendantCount: 1,
        maxDepth: 1,
        inputTokens: 10,
        outputTokens: null,
        costUsd: 0.001,
        unknownCostCount: 0,
        statusCounts: { waiting_approval: 1 },
      },
    };
  }
  async getCosts(...args: Parameters<RunReads["getCosts"]>) {
    this.#ask("getCosts", ...args);
    return [
      {
        key: "anthropic:claude",
        runCount: 1,
        llmCallCount: 1,
        inputTokens: 10,
        outputTokens: 5,
        cacheReadInputTokens: null,
        cacheCreationInputTokens: null,
        reasoningTokens: null,
        costUsd: 0.001,
        unknownCostCount: 0,
      },
    ];
  }
}
