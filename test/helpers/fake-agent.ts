/**
 * A neuron that keeps an agent's journal without a model: what it asks for is a script. For tests of what is done to such
 * runs from outside.
 */
import {
  journalState,
  type AgentCard,
  type NewRunEvent,
  type PatternGuardrail,
  type PendingCall,
} from "@myelin/bus/run-events";
import { Axon, type AxonOptions } from "@myelin/dendrite";
import { pause, superseded, type JsonObject, type NeuronContext } from "@myelin/neuron";
import type { z } from "zod";

/** One pause of the script: what it waits for, by call id. */
export interface FakePause {
  readonly status: "waiting_approval" | "waiting_client_tool" | "waiting_human_input";
  readonly reason?: string;
  readonly calls: Readonly<Record<string, PendingCall["needs"]>>;
  readonly expiresAt?: string;
}

export interface FakeAgentOptions extends Partial<
  Pick<AxonOptions<z.ZodType<JsonObject, JsonObject>, z.ZodType>, "concurrency" | "close" | "retry">
> {
  readonly neuronId?: string;
  readonly pauses?: readonly FakePause[];
  /** Done before the end. */
  readonly work?: (ctx: NeuronContext, input: JsonObject) => unknown;
  /** Called with each start of it. */
  readonly onStart?: (ctx: NeuronContext) => void;
  readonly card?: Partial<AgentCard>;
  /** What its journal pins. */
  readonly guardrails?: readonly PatternGuardrail[];
}

const USAGE = {
  input_tokens: 10,
  output_tokens: 4,
  cache_read_input_tokens: null,
  cache_creation_input_tokens: null,
  reasoning_tokens: null,
};

export const APPROVAL: FakePause = { status: "waiting_approval", calls: { call_a: "approval" } };

export function fakeAgent({
  neuronId = "fake",
  pauses = [],
  work,
  onStart,
  card,
  guardrails,
  ...rest
}: FakeAgentOptions = {}) {
  return new Axon({
    ...rest,
    neuronId,
    card: {
      kind: "agent",
      model: "fake:one",
      vendors: ["fake"],
      tools: ["refund", "search"],
      sources: ["fs"],
      blocks: [],
      ...card,
    },
    neuron: async (input, ctx) => {
      onStart?.(ctx);
      const journal = await ctx.journal.read();
      const state = journalState(journal);
      if (state.pause) return sayPause(state.pause.data);
      if (state.resumed && state.resumed.task.id !== ctx.taskId) return superseded();
      const paused = journal.filter(({ event_type }) => event_type === "run.paused").length;
      const entries: NewRunEvent[] = [];
      if (!journal.some(({ event_type }) => event_type === "run.started"))
        entries.push(started(neuronId, input, guardrails));
      const next = pauses[paused];
      if (next) {
        const data = pausedData(next, paused);
        entries.push(answered(paused, "", data.pending), {
          event_type: "run.paused",
          iteration_index: paused + 1,
          data,
        });
        await ctx.journal.append(entries);
        return sayPause(data);
      }
      await ctx.journal.append(entries);
      await work?.(ctx, input);
      const read = await ctx.journal.read();
      const answer = JSON.stringify(
        Object.fromEntries(
          read
            .filter(({ event_type }) => event_type === "approval.decided" || event_type === "tool.completed")
            .map(({ data }) => [data["call_id"], data["approved"] ?? data["error"] ?? data["result"]]),
        ),
      );
      await ctx.journal.append([
        answered(paused, answer, []),
        { event_type: "run.completed", iteration_index: paused + 1, data: { status: "success", answer, output: null } },
      ]);
      return {
        status: "success",
        answer,
        output: null,
        model: "fake:one",
        iteration_count: paused + 1,
        usage: { ...USAGE, input_tokens: 10 * (paused + 1), output_tokens: 4 * (paused + 1) },
        cost_nano_usd: 1_000_000 * (paused + 1),
      };
    },
  });
}

const sayPause = (data: ReturnType<typeof pausedData> | Parameters<typeof toPauseOptions>[0]) =>
  pause(toPauseOptions(data));
const toPauseOptions = ({
  status,
  question,
  expires_at,
}: {
  status: string;
  question: string;
  expires_at: string | null;
}) => ({ status: status as FakePause["status"], question, expiresAt: expires_at, context: {} });

const started = (
  agent_name: string,
  input: JsonObject,
  guardrails: readonly PatternGuardrail[] | undefined,
): NewRunEvent => ({
  event_type: "run.started",
  data: {
    agent_name,
    agent_version: null,
    strategy: "react",
    model: input["model"] ?? "fake:one",
    params: {},
    system_prompt: "You are a fake.",
    tools: [],
    sources: [],
    output_schema: null,
    message: input["text"] ?? "",
    history: input["history"] ?? [],
    context: [],
    seed: input["seed"] ?? [],
    max_iterations: 10,
    budget: null,
    delegation_level: 0,
    max_delegation_depth: null,
    timeout_ms: input["timeout_ms"] ?? null,
    retry_of: input["retry_of"] ?? null,
    ...(guardrails && { guardrails }),
  },
});

const answered = (turn: number, text: string, calls: readonly PendingCall[]): NewRunEvent => ({
  event_type: "llm.completed",
  iteration_index: turn + 1,
  correlation_id: `llm_${turn}`,
  data: {
    id: `llm_${turn}`,
    provider: "fake",
    model: "one",
    order_index: 1 + turn * 10,
    text,
    tool_calls: calls.map(({ call_id, provider_call_id, tool_name, params }) => ({
      call_id,
      provider_call_id,
      tool_name,
      params,
    })),
    reasoning: null,
    reasoning_blocks: [],
    finish_reason: "stop",
    usage: USAGE,
    cost_nano_usd: 1_000_000,
    duration_ms: 1,
  },
});

function pausedData({ status, reason = "approval", calls, expiresAt }: FakePause, turn: number) {
  const pending = Object.entries(calls).map(([call_id, needs], at): PendingCall => ({
    call_id,
    provider_call_id: null,
    tool_name: "refund",
    params: { orderId: at },
    target: needs === "approval" ? "server" : "client",
    needs,
    order_index: 2 + turn * 10 + at,
  }));
  const question = `what of ${Object.keys(calls).join(", ")}?`;
  return { pause_id: `pause_${turn}`, status, question, pending, expires_at: expiresAt ?? null, reason };
}
