/**
 * Delegate: a call of an agent, as a child run of the one that makes it. The call's key is the child's idempotency key, and
 * its input is made of the journal alone: whoever runs the call again finds the same child, and waits for it.
 */
import { agentOutput, type AgentInput } from "@myelin/bus/run-events";
import type { JsonObject, ToolContext } from "@myelin/neuron";
import type { AgentTool } from "../agent-tool.ts";
import type { ActiveRun } from "./active-run.ts";
import { remaining } from "./budget.ts";

/** Rejects when the child fails, and when it would be too deep. */
export async function delegate({ state }: ActiveRun, tool: AgentTool, params: JsonObject, ctx: ToolContext) {
  const started = state.started!;
  const level = started.delegation_level + 1;
  const max = started.max_delegation_depth;
  if (max !== null && level > max) {
    throw new Error(`delegation goes ${max} deep at most, and this agent is at level ${started.delegation_level}`);
  }
  const budget = remaining(started.budget, state.turns.at(-1)!.spent);
  const input: AgentInput = {
    text: String(params["text"]),
    delegation_level: level,
    ...(max !== null && { max_delegation_depth: max }),
    ...(budget !== null && { budget }),
  };
  const reply = await ctx.dispatchAndWait({
    neuron: tool.agent,
    input,
    idempotencyKey: ctx.key,
    timeoutMs: tool.timeoutMs,
    metadata: ctx.metadata,
    onPause: "wait",
  });
  const child = agentOutput.safeParse(reply.payload.output);
  if (!child.success) return { success: true, result: reply.payload.output, error: null };
  const { status, output, answer, usage, cost_nano_usd: costNanoUsd } = child.data;
  if (status !== "success") {
    return { success: false, result: null, error: `the agent ran out of iterations`, usage, costNanoUsd };
  }
  return { success: true, result: output ?? answer, error: null, usage, costNanoUsd };
}
