/** To results: what a run's reply and its journal come to for whoever called. */
import type { PauseType, SignalOf } from "@myelin/bus";
import {
  addUsage,
  agentOutput,
  dataOf,
  NO_USAGE,
  Placeholders,
  toUsd,
  type OpenPause,
  type PendingCall,
  type RunEventEntry,
  type UsageData,
  type WaitingStatus,
} from "@myelin/bus/run-events";
import { questionOf } from "../errors.ts";
import type { ReadJournal } from "./run-journals.ts";
import type { RunPause, RunResult, RunUsage, WaitingCall } from "./run-result.ts";

/** Of an agent's output; a plain neuron's is passed on as it is. */
export function toResult({ payload: { output }, trace_id, meta }: SignalOf<"AGENT_OUTPUT">): RunResult {
  const run = { runId: meta.run_id ?? "", traceId: trace_id, pause: null };
  const agent = agentOutput.safeParse(output);
  if (!agent.success) {
    return { ...run, ...NOTHING, status: "success", output };
  }
  const { status, answer, output: value, model, iteration_count, usage, cost_nano_usd } = agent.data;
  return {
    ...run,
    status,
    answer,
    output: value ?? null,
    model,
    iterationCount: iteration_count,
    usage: toUsage(usage),
    costUsd: toUsd(cost_nano_usd),
  };
}

/** Of a run that waits, by its journal. */
export function toPausedResult({ run, entries }: ReadJournal, pause: OpenPause): RunResult {
  const calls = entries.flatMap((entry) => dataOf(entry, "llm.completed") ?? dataOf(entry, "llm.failed") ?? []);
  const started = entries.map((entry) => dataOf(entry, "run.started")).find((one) => one !== null);
  const costs = calls.flatMap(({ cost_nano_usd }) => cost_nano_usd ?? []);
  return {
    runId: run.runId,
    traceId: run.traceId,
    status: pause.data.status,
    answer: null,
    output: null,
    model: started?.model ?? null,
    iterationCount: entries.filter(({ event_type }) => event_type === "llm.completed").length,
    usage: toUsage(calls.flatMap(({ usage }) => usage ?? []).reduce<UsageData>(addUsage, NO_USAGE)),
    costUsd: toUsd(costs.length === 0 ? null : costs.reduce((sum, one) => sum + one, 0)),
    pause: toPause(pause, entries),
  };
}

/** Of a run without a journal that waits. */
export function toPlainPausedResult(question: SignalOf<PauseType>): RunResult {
  const { meta, trace_id } = question;
  const pause = toPlainPause(question);
  return { runId: meta.run_id ?? "", traceId: trace_id, ...NOTHING, status: pause.status, output: null, pause };
}

/** With the real values: who is to decide, or to run a call, could do nothing with placeholders. */
export function toPause(
  { data, missing, expiresAt }: Pick<OpenPause, "data" | "missing" | "expiresAt">,
  entries: readonly RunEventEntry[],
): RunPause {
  const { pause_id, status, question, reason, options = [], assignees = [] } = data;
  const asked = Placeholders.from(entries).unmask({ question, options, pending: missing.map(toWaitingCall) });
  return { pauseId: pause_id, status, reason, assignees, expiresAt, ...asked };
}

export function toPlainPause(question: SignalOf<PauseType>): RunPause {
  const { expires_at } = question.payload;
  return {
    pauseId: null,
    status: plainStatusOf(question),
    question: questionOf(question),
    reason: null,
    pending: [],
    options: [],
    assignees: [],
    expiresAt: typeof expires_at === "string" ? new Date(expires_at) : null,
  };
}

/** As the recorder reads it. */
export function plainStatusOf(question: SignalOf<PauseType>): WaitingStatus {
  if (question.type !== "CLARIFICATION") return "waiting_approval";
  return question.payload.status ?? "waiting_human_input";
}

export const toWaitingCall = ({
  call_id,
  tool_name,
  params,
  target,
  needs,
  child_run_id,
  child_agent,
}: PendingCall): WaitingCall => ({
  callId: call_id,
  toolName: tool_name,
  params,
  target,
  needs,
  childRunId: child_run_id ?? null,
  childAgent: child_agent ?? null,
});

export const toUsage = (usage: UsageData): RunUsage => ({
  inputTokens: usage.input_tokens,
  outputTokens: usage.output_tokens,
  cacheReadInputTokens: usage.cache_read_input_tokens,
  cacheCreationInputTokens: usage.cache_creation_input_tokens,
  reasoningTokens: usage.reasoning_tokens,
});

/** What a plain neuron says nothing of. */
const NOTHING = {
  answer: null,
  model: null,
  iterationCount: 0,
  usage: toUsage(NO_USAGE),
  costUsd: null,
} satisfies Partial<RunResult>;
