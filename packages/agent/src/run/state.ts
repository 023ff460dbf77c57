/**
 * State: where a run is, as its journal tells it. A pure fold: the same entries give the same state in every process (J2),
 * and nothing else goes into it.
 */
import { addUsage, addUsed, NO_USAGE, type RunEventData, type Used, type UsageData } from "@myelin/bus/run-events";
import { spentBy, type Spent } from "./usage.ts";
import type { AgentEvent, EventOf } from "./event.ts";

/**
 * A call of a tool.
 *
 * `approval`: `none` → `asked` → `approved` | `rejected`, for tools that need one. `doubt`, for a call that was begun and of
 * which nobody knows what became: `none` → `asked` → `again` | `left`; beginning it again makes it `none`.
 */
export interface Call {
  readonly data: RunEventData<"llm.completed">["tool_calls"][number];
  /** Place of its answer in the conversation. */
  readonly orderIndex: number;
  readonly approval: "none" | "asked" | "approved" | "rejected";
  /** What the person who rejected it said. */
  readonly rejection: string | null;
  readonly doubt: "none" | "asked" | "again" | "left";
  readonly isStarted: boolean;
  /** The run that it was delegated to, once that waits for somebody. */
  readonly child: RunEventData<"child.paused"> | null;
  /** It counts against the tool's limit. */
  readonly isCounted: boolean;
  readonly completed: RunEventData<"tool.completed"> | null;
}

/** One answer of the model, and the calls in it. */
export interface Turn {
  readonly answer: RunEventData<"llm.completed">;
  readonly calls: readonly Call[];
  /** What the run had used up with this answer: the same in every start. */
  readonly spent: Spent;
}

export interface RunState {
  readonly started: RunEventData<"run.started"> | null;
  readonly turns: readonly Turn[];
  /** Sums over the run's own model calls. */
  readonly usage: UsageData;
  /** Null: no call had a known price. */
  readonly costNanoUsd: number | null;
  /** Sums over the runs it delegated to, and theirs; null when it delegated to none that is known to have used anything. */
  readonly delegated: Used | null;
  /** What counts in the budget: its children's, too. */
  readonly spent: Spent;
  /** Calls that counted, by tool. */
  readonly callCounts: Readonly<Record<string, number>>;
  /** `tokens:0.5`, `cost:exceeded`: what is on record once. */
  readonly fired: ReadonlySet<string>;
  /** The number of answers at which a person let the run go on beyond its budget. */
  readonly grantedAt: number | null;
  /** A person did not let it go on. */
  readonly isBudgetRefused: boolean;
  /** A guardrail has stopped it, and no start of it goes on. */
  readonly blocked: RunEventData<"guardrail.blocked"> | null;
  /** The pause that is open. */
  readonly pause: RunEventData<"run.paused"> | null;
  /** The task that the last resume woke the run with. */
  readonly wokenBy: string | null;
  readonly end:
    | { readonly type: "completed"; readonly data: RunEventData<"run.completed"> }
    | { readonly type: "error"; readonly data: RunEventData<"run.error"> }
    | { readonly type: "cancelled"; readonly data: RunEventData<"run.cancelled"> }
    | null;
}

export const INITIAL_STATE: RunState = {
  started: null,
  turns: [],
  usage: NO_USAGE,
  costNanoUsd: null,
  delegated: null,
  spent: { tokens: 0, nanoUsd: 0, ms: 0 },
  callCounts: {},
  fired: new Set(),
  grantedAt: null,
  isBudgetRefused: false,
  blocked: null,
  pause: null,
  wokenBy: null,
  end: null,
};

/** The last answer of the model. */
export const lastTurn = ({ turns }: RunState): Turn | undefined => turns[turns.length - 1];

/** Calls of the last answer that have none yet, in order. */
export const openCalls = (state: RunState): readonly Call[] =>
  lastTurn(state)?.calls.filter(({ completed }) => completed === null) ?? [];

export function fold(state: RunState, event: AgentEvent): RunState {
  switch (event.type) {
    case "run.started":
      return { ...state, started: event.data };
    case "llm.completed":
      return withAnswer(state, event);
    case "llm.failed":
      return withSpending(state, event.data.usage, event.data.cost_nano_usd, event.data);
    case "tool.started":
      return withCall(state, event.data.call_id, { isStarted: true, doubt: "none" }, { counts: true });
    case "tool.completed": {
      const { usage, cost_nano_usd: costNanoUsd = null } = event.data;
      const next = withCall(state, event.data.call_id, { completed: event.data });
      const used = usage && { usage, costNanoUsd };
      return {
        ...next,
        delegated: used ? (next.delegated ? addUsed(next.delegated, used) : used) : next.delegated,
        spent: spentBy(next.spent, usage ?? null, costNanoUsd, event.data["elapsed_ms"]),
      };
    }
    case "child.paused":
      return withCall(state, event.data.call_id, { child: event.data });
    case "guardrail.blocked":
      return { ...state, blocked: event.data };
    case "guardrail.redacted":
      return withMasked(state, event);
    case "run.paused":
      return withPause(state, event.data);
    case "approval.decided":
      return withDecision(state, event.data);
    case "run.resumed":
      return { ...state, pause: null, wokenBy: event.data.task.id };
    case "budget.threshold":
      return { ...state, fired: new Set([...state.fired, `${event.data.kind}:${event.data.fraction}`]) };
    case "budget.exceeded":
      return { ...state, fired: new Set([...state.fired, `${event.data.kind}:exceeded`]) };
    case "run.completed":
      return { ...state, end: { type: "completed", data: event.data } };
    case "run.error":
      return { ...state, end: { type: "error", data: event.data } };
    case "run.cancelled":
      return { ...state, end: { type: "cancelled", data: event.data } };
    default:
      return state;
  }
}

function withAnswer(state: RunState, { data }: EventOf<"llm.completed">): RunState {
  const next = withSpending(state, data.usage, data.cost_nano_usd, data);
  const calls = data.tool_calls.map((call, at) => newCall(call, data.order_index + 1 + at));
  return { ...next, turns: [...state.turns, { answer: data, calls, spent: next.spent }] };
}

const newCall = (data: Call["data"], orderIndex: number): Call => ({
  data,
  orderIndex,
  approval: "none",
  rejection: null,
  doubt: "none",
  isStarted: false,
  child: null,
  isCounted: false,
  completed: null,
});

function withSpending(
  state: RunState,
  usage: UsageData | null,
  costNanoUsd: number | null,
  data: { readonly [key: string]: unknown },
): RunState {
  return {
    ...state,
    usage: usage === null ? state.usage : addUsage(state.usage, usage),
    costNanoUsd: costNanoUsd === null ? state.costNanoUsd : (state.costNanoUsd ?? 0) + costNanoUsd,
    spent: spentBy(state.spent, usage, costNanoUsd, data["elapsed_ms"]),
  };
}

/** Calls that are answered belong to the last answer of the model: nothing else is asked while one is open. */
function withCall(
  state: RunState,
  callId: string,
  change: Partial<Call>,
  { counts = false }: { counts?: boolean } = {},
): RunState {
  const turn = lastTurn(state);
  const call = turn?.calls.find(({ data }) => data.call_id === callId);
  if (!turn || !call) return state;
  const isNew = counts && !call.isCounted;
  const name = call.data.tool_name;
  const changed: Call = { ...call, ...change, isCounted: call.isCounted || counts };
  return {
    ...state,
    turns: [...state.turns.slice(0, -1), { ...turn, calls: turn.calls.map((one) => (one === call ? changed : one)) }],
    ...(isNew && { callCounts: { ...state.callCounts, [name]: (state.callCounts[name] ?? 0) + 1 } }),
  };
}

/** What was submitted, as the model is to see it: found when the run was woken. */
function withMasked(state: RunState, { correlationId, data }: EventOf<"guardrail.redacted">): RunState {
  const masked = data.submitted;
  const call = masked && lastTurn(state)?.calls.find((one) => one.data.call_id === correlationId);
  if (!call) return state;
  const { completed, data: seen } = call;
  const change = completed ? { completed: { ...completed, ...masked } } : { rejection: String(masked.result) };
  return withCall(state, seen.call_id, change);
}

function withPause(state: RunState, data: RunEventData<"run.paused">): RunState {
  let next: RunState = { ...state, pause: data };
  for (const { call_id, needs } of data.pending) {
    if (needs !== "approval") next = withCall(next, call_id, {}, { counts: true });
    else next = withCall(next, call_id, data.reason === "in_doubt" ? { doubt: "asked" } : { approval: "asked" });
  }
  return { ...next, spent: spentBy(next.spent, null, null, data["elapsed_ms"]) };
}

/** A decision is about what its pause asks. */
function withDecision(state: RunState, { call_id, approved, reason }: RunEventData<"approval.decided">): RunState {
  switch (state.pause?.reason) {
    case "budget":
      return approved ? { ...state, grantedAt: state.turns.length } : { ...state, isBudgetRefused: true };
    case "in_doubt":
      return withCall(state, call_id, { doubt: approved ? "again" : "left" });
    default:
      return withCall(state, call_id, { approval: approved ? "approved" : "rejected", rejection: reason });
  }
}
