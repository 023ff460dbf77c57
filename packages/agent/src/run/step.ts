/**
 * Step: what a run does next. Pure: from the state that its journal gives, and the tools it has. Everything it can do is one
 * of these effects; the loop does it, and what comes of it is an entry, which gives the next state.
 *
 * Within one answer of the model: calls that cannot be are answered (denied, unknown, malformed) → what needs approval is
 * asked for, and nothing runs before that → calls of which nobody knows what became are asked for → those over their
 * tool's limit are answered → server tools run, neighbours together, and those of them that were delegated to a run that
 * waits for somebody are waited for → client tools are → people are.
 */
import type { Tool } from "@myelin/neuron";
import { asksHuman } from "../ask-human.ts";
import { budgetStop, newBudgetEvents } from "./budget.ts";
import type { AgentEvent } from "./event.ts";
import { askApproval, askBudget, askInDoubt, askHumans, waitForChildren, waitForClient, type Ask } from "./pauses.ts";
import { refuseFirst, refuseLeft, refuseOverLimit } from "./refusals.ts";
import { lastTurn, openCalls, type Call, type RunState } from "./state.ts";

/** What a run can call, and its rules. */
export interface Plan {
  readonly tools: ReadonlyMap<string, Tool>;
  readonly denied: ReadonlySet<string>;
  readonly gated: ReadonlySet<string>;
  /** Calls in a run at most, by tool; those without a limit are not here. */
  readonly limits: ReadonlyMap<string, number>;
  /** Why the parameters of a call do not fit; null when they do. */
  readonly problemWith: (call: Call) => string | null;
}

export type Effect =
  /** Put on record what is decided already, and look again. */
  | { readonly type: "record"; readonly events: readonly AgentEvent[] }
  /** Pause: put on record what is asked, and end this start. */
  | { readonly type: "ask"; readonly ask: Ask }
  /** At the same time. All are through before the next effect is asked for. */
  | { readonly type: "run_tools"; readonly calls: readonly Call[] }
  | { readonly type: "call_model" }
  /** The model has answered, or may not be asked again. */
  | { readonly type: "complete"; readonly status: "success" | "max_iterations" }
  | { readonly type: "fail"; readonly code: "BUDGET_EXCEEDED"; readonly message: string };

/** The next effect. The run is started, not paused, and has not ended. */
export function step(state: RunState, plan: Plan): Effect {
  const budgetEvents = newBudgetEvents(state);
  if (budgetEvents.length > 0) return { type: "record", events: budgetEvents };

  const turn = lastTurn(state);
  if (turn?.calls.length === 0) return { type: "complete", status: "success" };

  const isExhausted = turn !== undefined && state.turns.length >= (state.started?.max_iterations ?? 1);
  const open = openCalls(state);
  if (open.length === 0 && isExhausted) return { type: "complete", status: "max_iterations" };

  const stop = budgetStop(state);
  if (stop?.action === "stop") return { type: "fail", code: "BUDGET_EXCEEDED", message: stop.message };
  if (stop) return { type: "ask", ask: askBudget(state, stop.message) };

  return open.length === 0 ? { type: "call_model" } : stepOfCalls(state, open, plan);
}

function stepOfCalls(state: RunState, open: readonly Call[], plan: Plan): Effect {
  const iteration = state.turns.length;
  const refused = refuseFirst(open, plan, iteration);
  if (refused.length > 0) return { type: "record", events: refused };

  const unasked = open.filter(({ data, approval }) => plan.gated.has(data.tool_name) && approval !== "approved");
  if (unasked.length > 0) return { type: "ask", ask: askApproval(unasked, iteration) };

  const left = refuseLeft(open, plan, iteration);
  if (left.length > 0) return { type: "record", events: left };
  const inDoubt = open.filter((call) => call.isStarted && call.doubt !== "again" && !toolOf(call, plan).idempotent);
  if (inDoubt.length > 0) return { type: "ask", ask: askInDoubt(inDoubt) };

  const over = refuseOverLimit(open, plan, state.callCounts, iteration);
  if (over.length > 0) return { type: "record", events: over };

  const server = open.filter((call) => toolOf(call, plan).target === "server");
  if (server.length > 0) {
    const group = firstGroup(server, plan);
    const calls = group.filter(({ child }) => child === null);
    return calls.length > 0 ? { type: "run_tools", calls } : { type: "ask", ask: waitForChildren(group) };
  }
  const client = open.filter((call) => !asksHuman(toolOf(call, plan)));
  return { type: "ask", ask: client.length > 0 ? waitForClient(client) : askHumans(open) };
}

/** Neighbours that may run beside each other, or the first alone. */
function firstGroup(calls: readonly Call[], plan: Plan): readonly Call[] {
  const alone = calls.findIndex((call) => !toolOf(call, plan).parallel);
  if (alone < 0) return calls;
  return calls.slice(0, Math.max(1, alone));
}

/** Calls of tools that are not there have been refused. */
const toolOf = ({ data }: Call, { tools }: Plan): Tool => tools.get(data.tool_name)!;
