/**
 * Delegate: a call of an agent, as a child run of the one that makes it. The call's key is the child's idempotency key, and
 * its input is made of the journal alone: whoever runs the call again finds the same child.
 */
import type { AgentInput } from "@myelin/bus/run-events";
import type { Delegated, JsonObject } from "@myelin/neuron";
import { isAgentTool, LONGEST_TASK_MS, type AgentTool } from "../agent-tool.ts";
import type { ActiveRun } from "./active-run.ts";
import { remaining } from "./budget.ts";

/** Resolves also when the child failed, or waits for somebody. Rejects when it would be too deep, and as `ctx.delegate`. */
export async function delegate(
  run: ActiveRun,
  tool: AgentTool,
  params: JsonObject,
  idempotencyKey: string,
): Promise<Delegated> {
  const { ctx, state } = run;
  const started = state.started!;
  const level = started.delegation_level + 1;
  const max = started.max_delegation_depth;
  if (max !== null && level > max) {
    throw new Error(`delegation goes ${max} deep at most, and this agent is at level ${started.delegation_level}`);
  }
  const budget = remaining(started.budget, state.turns.at(-1)!.spent, delegatedBeside(run));
  const timeoutMs = Math.min(tool.timeoutMs, started.timeout_ms ?? LONGEST_TASK_MS);
  const input: AgentInput = {
    text: String(params["text"]),
    delegation_level: level,
    ...(max !== null && { max_delegation_depth: max }),
    ...(budget !== null && { budget }),
    ...(timeoutMs < LONGEST_TASK_MS && { timeout_ms: timeoutMs }),
  };
  return ctx.delegate({ neuron: tool.agent, input, idempotencyKey, timeoutMs, metadata: ctx.metadata });
}

/**
 * How many calls of this answer of the model share what is left, this one included: those that were refused have been answered
 * before any was begun, so every start counts the same.
 */
function delegatedBeside({ agent, state }: ActiveRun): number {
  return state.turns.at(-1)!.calls.filter(({ data, isStarted, completed }) => {
    const tool = agent.tools.get(data.tool_name);
    return tool !== undefined && isAgentTool(tool) && (isStarted || completed === null);
  }).length;
}
