/** agentTool: an agent as a tool of another. A call of it is a run of its own, linked to the one that asked. */
import type { Tool } from "@myelin/neuron";
import { z } from "zod";
import { checkNames, type NamesOf } from "./definition/check-options.ts";
import { tool } from "./tool.ts";

export interface AgentToolOptions {
  /** For the model: what the agent is good for. Default: the agent's own, or its name. */
  readonly description?: string | undefined;
  /** What the model calls it. Default: the agent's name. */
  readonly name?: string | undefined;
  /**
   * How long the child may work, in milliseconds: from its start to its end or pause, and again after each pause. Pauses do not
   * count. Default, and at most: what the run itself has left at its start, and was given after a pause.
   */
  readonly timeoutMs?: number | undefined;
  readonly maxCallsPerRun?: number | undefined;
  /** Default true. */
  readonly parallel?: boolean | undefined;
}

/** A tool whose calls are dispatched to an agent. */
export interface AgentTool extends Tool {
  readonly agent: string;
}

const OPTIONS: NamesOf<AgentToolOptions> = {
  ...{ description: true, name: true, timeoutMs: true, maxCallsPerRun: true, parallel: true },
};

/** A TASK lives at most this long, so no child works longer. */
export const LONGEST_TASK_MS = 604_800_000;

/**
 * Make a tool of an agent, by its name or as it is defined. Running a call again finds the same child, so nobody is asked
 * after a crash. When the child pauses, the run pauses too (`waiting_child`), and goes on when the child has ended. What a child
 * uses up counts in its parent's budget.
 */
export function agentTool(
  agent: string | { readonly neuronId: string; readonly description?: string | undefined },
  options: AgentToolOptions = {},
): AgentTool {
  checkNames("agentTool", options, OPTIONS);
  const { neuronId, description } = typeof agent === "string" ? { neuronId: agent, description: undefined } : agent;
  const made = tool({
    name: options.name ?? neuronId,
    description: options.description ?? description ?? `Hand a task to the agent "${neuronId}" and get its answer.`,
    input: z.object({ text: z.string().min(1).describe("The task, with all that is needed to do it.") }),
    timeoutMs: options.timeoutMs ?? LONGEST_TASK_MS,
    maxCallsPerRun: options.maxCallsPerRun,
    parallel: options.parallel,
    idempotent: true,
    run: () => Promise.reject(new Error("a call of an agent is dispatched by the run that makes it")),
  });
  return { ...made, agent: neuronId };
}

export const isAgentTool = (one: Tool): one is AgentTool => "agent" in one;
