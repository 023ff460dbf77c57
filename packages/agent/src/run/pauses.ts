/** Pauses: what a run asks for when it cannot go on alone, and of whom. Pure; id and expiry are given when it is put on record. */
import type { PendingCall, RunEventData } from "@myelin/bus/run-events";
import { questionOf } from "../ask-human.ts";
import { eventOf, type AgentEvent } from "./event.ts";
import { lastTurn, type Call, type RunState } from "./state.ts";

/** What is asked. */
export interface Ask extends Pick<RunEventData<"run.paused">, "status" | "question" | "pending" | "reason"> {
  readonly options?: string[] | undefined;
  /** Entries that go before it. */
  readonly events: readonly AgentEvent[];
}

export function askApproval(calls: readonly Call[], iteration: number): Ask {
  const asked = calls.map(({ data: { call_id, tool_name } }) =>
    eventOf("approval.requested", iteration, { call_id, tool_name, reason: "requires_approval" }, call_id),
  );
  return {
    status: "waiting_approval",
    reason: "approval",
    question: `May ${namesOf(calls)} run?`,
    pending: calls.map((call) => pending(call, "server", "approval")),
    events: asked,
  };
}

export function askInDoubt(calls: readonly Call[]): Ask {
  return {
    status: "waiting_approval",
    reason: "in_doubt",
    question: `What ran ${namesOf(calls)} died in it, and it may have happened. Run it again?`,
    pending: calls.map((call) => pending(call, "server", "approval")),
    events: [],
  };
}

/** There is no call to decide on, so it asks for one that stands for going on. */
export function askBudget(state: RunState, message: string): Ask {
  const call_id = `budget_${state.turns.length}`;
  const order_index = lastTurn(state)?.answer.order_index ?? 0;
  const params = { tokens: state.spent.tokens, cost_nano_usd: state.spent.nanoUsd, ms: Math.round(state.spent.ms) };
  return {
    status: "waiting_approval",
    reason: "budget",
    question: `${message}. Go on for one more model call?`,
    pending: [
      {
        call_id,
        provider_call_id: null,
        tool_name: "budget",
        params,
        target: "server",
        needs: "approval",
        order_index,
      },
    ],
    events: [],
  };
}

export function waitForClient(calls: readonly Call[]): Ask {
  return {
    status: "waiting_client_tool",
    reason: "client_tool",
    question: `What does ${namesOf(calls)} give?`,
    pending: calls.map((call) => pending(call, "client", "result")),
    events: [],
  };
}

export function waitForChildren(calls: readonly Call[]): Ask {
  const runs = calls.map(({ child }) => `${child!.child_agent} (${child!.child_run_id})`);
  return {
    status: "waiting_child",
    reason: "child",
    question: `What is asked by ${listed(runs)}?`,
    pending: calls.map((call) => {
      const { child_run_id, child_agent } = call.child!;
      return { ...pending(call, "server", "child"), child_run_id, child_agent };
    }),
    events: [],
  };
}

export function askHumans(calls: readonly Call[]): Ask {
  const questions = calls.map(({ data }) => questionOf(data.params));
  const options = questions.length === 1 ? questions[0]!.options : undefined;
  return {
    status: "waiting_human_input",
    reason: "input",
    question: questions.map(({ question }) => question).join("\n"),
    pending: calls.map((call) => pending(call, "client", "input")),
    ...(options !== undefined && { options }),
    events: [],
  };
}

function pending({ data, orderIndex }: Call, target: "server" | "client", needs: PendingCall["needs"]): PendingCall {
  const { call_id, provider_call_id, tool_name, params } = data;
  return { call_id, provider_call_id, tool_name, params, target, needs, order_index: orderIndex };
}

/** `refund`, `refund and transfer`. */
function namesOf(calls: readonly Call[]): string {
  return listed([...new Set(calls.map(({ data }) => data.tool_name))]);
}

const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
