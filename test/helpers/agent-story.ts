/**
 * An agent's run, told by hand: the Signals and journal entries that an agent, its host and its submitters would append. For
 * tests of rows, which need no agent.
 */
import { newRunId, newTraceId, type RunId, type TraceId } from "@myelin/bus";
import type { RunEventData, RunEventDataType, RunEventEntry } from "@myelin/bus/run-events";
import type { ArrayLog } from "./array-log.ts";

export interface StoryOptions {
  readonly runId?: RunId | undefined;
  readonly traceId?: TraceId | undefined;
  readonly agent?: string | undefined;
  readonly tenantId?: string | undefined;
  readonly parentRunId?: string | undefined;
  readonly metadata?: Record<string, unknown> | undefined;
  readonly idempotencyKey?: string | undefined;
}

type Data<T extends RunEventDataType> = Partial<RunEventData<T>>;
type Loose = Record<string, unknown>;
type Entry = readonly [type: string, data: Loose, correlationId?: string | undefined];

/** Entries of one Signal are made by `entries`; each verb below tells one Signal. */
export class AgentStory {
  readonly log: ArrayLog;
  readonly runId: RunId;
  readonly traceId: TraceId;
  readonly #options: StoryOptions;
  #index = 0;
  #order = 0;
  #calls = 0;
  iteration = 0;

  constructor(log: ArrayLog, options: StoryOptions = {}) {
    this.log = log;
    this.runId = options.runId ?? newRunId();
    this.traceId = options.traceId ?? newTraceId();
    this.#options = options;
  }

  get #common() {
    const { tenantId, parentRunId, agent = "support" } = this.#options;
    return {
      trace_id: this.traceId,
      directed: { id: agent, type: "neuron", capabilities: [] },
      meta: {
        run_id: this.runId,
        ...(tenantId !== undefined && { tenant_id: tenantId }),
        ...(parentRunId !== undefined && { parent_run_id: parentRunId }),
      },
    };
  }

  task(input: Loose = { text: "add 1 and 2" }): this {
    const { idempotencyKey, metadata = {} } = this.#options;
    const { meta, ...common } = this.#common;
    const keyed = { ...meta, ...(idempotencyKey !== undefined && { idempotency_key: idempotencyKey }) };
    this.log.add({ ...common, meta: keyed, type: "TASK", payload: { input, metadata } });
    return this;
  }

  /** One RUN_EVENT. */
  append(...entries: readonly Entry[]): this {
    this.log.add({
      ...this.#common,
      type: "RUN_EVENT",
      payload: {
        entries: entries.map(([event_type, data, correlation_id = null]): RunEventEntry => ({
          sequence_index: this.#index++,
          iteration_index: this.iteration,
          event_type,
          correlation_id,
          data,
        })),
      },
    });
    return this;
  }

  started(data: Data<"run.started"> = {}): this {
    this.#order = (data.seed?.length ?? 0) + 1;
    return this.append(["run.started", { ...STARTED, agent_name: this.#options.agent ?? "support", ...data }]);
  }

  /** The next iteration: a model call that ends with these tool calls, or with none. Resolves with their ids. */
  answered(calls: readonly { name: string; params?: Loose }[] = [], data: Data<"llm.completed"> = {}): string[] {
    this.iteration++;
    const id = `llm_${this.iteration}`;
    const order_index = this.#order++;
    const tool_calls = calls.map(({ name, params = {} }) => ({
      call_id: `call_${++this.#calls}`,
      provider_call_id: `toolu_${this.#calls}`,
      tool_name: name,
      params,
    }));
    this.#order += calls.length;
    this.append(["llm.completed", { ...ANSWERED, id, order_index, tool_calls, ...data }, id]);
    return tool_calls.map(({ call_id }) => call_id);
  }

  /** The answer to a call of the last model call. */
  toolDone(callId: string, data: Data<"tool.completed"> & { tool_name: string }): this {
    return this.append(["tool.completed", this.toolData(callId, data), callId]);
  }

  toolData(callId: string, data: Data<"tool.completed"> & { tool_name: string }): Loose {
    return {
      call_id: callId,
      provider_call_id: callId.replace("call_", "toolu_"),
      params: {},
      target: "server",
      success: true,
      result: "done",
      error: null,
      duration_ms: 5,
      order_index: this.#order - (this.#calls - Number(callId.slice("call_".length))) - 1,
      ...data,
    };
  }

  paused(
    pauseId: string,
    status: RunEventData<"run.paused">["status"],
    pending: readonly { callId: string; name: string; needs: "approval" | "result" | "input"; params?: Loose }[],
    data: Data<"run.paused"> = {},
  ): this {
    return this.append([
      "run.paused",
      {
        pause_id: pauseId,
        status,
        question: "May I?",
        pending: pending.map(({ callId, name, needs, params = {} }) => ({
          ...this.toolData(callId, { tool_name: name, params }),
          target: needs === "result" ? "client" : "server",
          needs,
        })),
        expires_at: null,
        reason: needsReason(pending[0]?.needs),
        ...data,
      },
    ]);
  }

  resumed(pauseId: string, from: string, by: string | null = null, ...before: readonly Entry[]): this {
    return this.append(...before, [
      "run.resumed",
      { pause_id: pauseId, resumed_from: from, by, task: { id: `evt_${pauseId}`, timeout_ms: 60_000 } },
    ]);
  }

  completed(answer: string | null = "3", status: "success" | "max_iterations" = "success"): this {
    this.append(["run.completed", { status, answer, output: null }]);
    const output = { status, answer, output: null, model: "m", iteration_count: this.iteration, cost_nano_usd: null };
    this.log.add({ ...this.#common, type: "AGENT_OUTPUT", payload: { output } });
    return this;
  }

  failed(code = "PROVIDER_ERROR", message = "it broke"): this {
    this.append(["run.error", { code, message }]);
    this.log.add({ ...this.#common, type: "ERROR", payload: { code, message, recoverable: false } });
    return this;
  }

  cancelled(reason: string | null = null, by: string | null = null): this {
    this.append(["run.cancelled", { reason, by }]);
    this.log.add({ ...this.#common, type: "STOPPED", payload: {} });
    return this;
  }
}

const needsReason = (needs: string | undefined): string =>
  needs === "approval" ? "approval" : needs === "result" ? "client_tool" : "input";

const STARTED: Omit<RunEventData<"run.started">, "agent_name"> = {
  agent_version: "1.2.0",
  strategy: "react",
  model: "anthropic:claude-sonnet-5-5",
  params: {},
  system_prompt: "You add.",
  tools: [{ name: "add", target: "server", digest: "d" }],
  sources: [],
  output_schema: null,
  message: "add 1 and 2",
  history: [],
  context: [],
  seed: [],
  max_iterations: 10,
  budget: null,
  delegation_level: 0,
  max_delegation_depth: null,
  timeout_ms: null,
  retry_of: null,
};

const ANSWERED: Omit<RunEventData<"llm.completed">, "id" | "order_index" | "tool_calls"> = {
  provider: "anthropic",
  model: "claude-sonnet-5-5-20260101",
  text: "",
  reasoning: null,
  reasoning_blocks: [],
  finish_reason: "stop",
  usage: {
    input_tokens: 15,
    output_tokens: 6,
    cache_read_input_tokens: null,
    cache_creation_input_tokens: null,
    reasoning_tokens: null,
  },
  cost_nano_usd: null,
  duration_ms: 120,
};
