/** Refusals: calls that are answered without anything being run. Pure. */
import { eventOf, type AgentEvent } from "./event.ts";
import type { Plan } from "./step.ts";
import type { Call } from "./state.ts";

const DECLINED = "User declined to run this tool.";
const UNKNOWN_OUTCOME =
  "It is not known whether this call happened: what ran it died in it, and it was decided not to run it again.";

const UNKNOWN_OUTCOME_OF_DENIED = "It is not known whether this call happened: what ran it died in it.";

/** Calls that are denied, of tools that are not there, with parameters that do not fit, or that a person rejected. */
export function refuseFirst(open: readonly Call[], plan: Plan, iteration: number): AgentEvent[] {
  // Denied ones first: that is the order of the entries. Answers are in the order of the calls, as their order_index says.
  const denied = open.filter(({ data }) => plan.denied.has(data.tool_name));
  return [
    ...denied.flatMap((call) => deny(call, iteration)),
    ...open.filter((call) => !denied.includes(call)).flatMap((call) => refuseOne(call, plan, iteration)),
  ];
}

function refuseOne(call: Call, plan: Plan, iteration: number): AgentEvent[] {
  const { tool_name: name, ["problem"]: problem } = call.data;
  const refuse = (error: string) => [refusal(call, iteration, "server", { error }, error)];
  if (!plan.tools.has(name)) return refuse(`Unknown tool: ${name}`);
  if (typeof problem === "string") return refuse(`The parameters could not be read: ${problem}`);
  if (call.approval === "rejected") {
    const reason = call.rejection ?? DECLINED;
    return [refusal(call, iteration, "server", reason, reason)];
  }
  const misfit = call.isStarted ? null : plan.problemWith(call);
  return misfit === null ? [] : refuse(`The parameters do not fit: ${misfit}`);
}

/** Calls that nobody knows the outcome of, and that a person does not want run again. */
export function refuseLeft(open: readonly Call[], _plan: Plan, iteration: number): AgentEvent[] {
  return open
    .filter(({ doubt }) => doubt === "left")
    .map((call) => refusal(call, iteration, "server", { error: UNKNOWN_OUTCOME }, UNKNOWN_OUTCOME));
}

/** Calls beyond the limit of their tool, over the whole run. */
export function refuseOverLimit(
  open: readonly Call[],
  plan: Plan,
  callCounts: Readonly<Record<string, number>>,
  iteration: number,
): AgentEvent[] {
  const counts = { ...callCounts };
  return open.flatMap((call) => {
    const name = call.data.tool_name;
    const { target } = plan.tools.get(name)!;
    const max = plan.limits.get(name);
    if (call.isCounted || max === undefined) return [];
    counts[name] = (counts[name] ?? 0) + 1;
    if (counts[name] <= max) return [];
    const limit = `Tool '${name}' may be called ${max} ${max === 1 ? "time" : "times"} in a run, and has been.`;
    return [refusal(call, iteration, target, { limit }, limit)];
  });
}

function deny(call: Call, iteration: number): AgentEvent[] {
  const { call_id, tool_name } = call.data;
  const denied = `Tool '${tool_name}' is denied by policy.`;
  // One that was begun before it was denied may have happened: the model must not take it for one that did not.
  const error = call.isStarted ? `${UNKNOWN_OUTCOME_OF_DENIED} ${denied}` : denied;
  return [
    eventOf("policy.denied", iteration, { call_id, tool_name, reason: "denied_by_policy" }, call_id),
    refusal(call, iteration, "server", call.isStarted ? { error } : { denied }, error),
  ];
}

function refusal(
  { data, orderIndex }: Call,
  iteration: number,
  target: "server" | "client",
  result: unknown,
  error: string,
): AgentEvent {
  const { call_id, provider_call_id, tool_name, params } = data;
  const call = { call_id, provider_call_id, tool_name, params };
  return eventOf(
    "tool.completed",
    iteration,
    { ...call, target, success: false, result, error, duration_ms: null, order_index: orderIndex },
    call_id,
  );
}
