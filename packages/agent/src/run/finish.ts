/** Finish: how a run ends with an answer, and what is said of it to whoever asked. */
import { addUsed, type AgentOutput, type RunEventData } from "@myelin/bus/run-events";
import type { z } from "zod";
import { agentFailure } from "../errors.ts";
import type { ActiveRun } from "./active-run.ts";
import { eventOf } from "./event.ts";
import { lastTurn } from "./state.ts";

type Status = AgentOutput["status"];

/** Resolves once the end is on record. Rejects with OUTPUT_INVALID. */
export async function finish(run: ActiveRun, status: Status): Promise<AgentOutput> {
  const answer = status === "success" ? (lastTurn(run.state)?.answer.text ?? "") : null;
  const output = status === "success" ? checkedOutput(run) : null;
  const iteration = run.state.turns.length;
  const placeholders = answer === null ? [] : run.guard.unmappedPlaceholders(answer);
  if (placeholders.length > 0) run.record([eventOf("guardrail.unmapped_placeholder", iteration, { placeholders })]);
  // The journal has it as the model gave it, so that placeholders stay.
  const kept = !run.guard.isEmpty ? rawOutput(run) : output;
  run.record([eventOf("run.completed", iteration, { status, answer, output: kept ?? null })]);
  await run.flush();
  return toOutput(run, { status, answer, output });
}

/** What a run that has ended in an earlier start gave: its reply was lost. */
export function finished(run: ActiveRun, data: RunEventData<"run.completed">): AgentOutput {
  const output = data.status === "success" ? checkedOutput(run) : null;
  return toOutput(run, { ...data, output });
}

function toOutput(
  run: ActiveRun,
  { status, answer, output }: { status: Status; answer: string | null; output: unknown },
): AgentOutput {
  const { usage, costNanoUsd, delegated } = run.state;
  const subtree = delegated && addUsed({ usage, costNanoUsd }, delegated);
  return {
    status,
    answer: answer === null ? null : unmasked(run, answer),
    output,
    model: run.state.started!.model,
    iteration_count: run.state.turns.length,
    usage,
    cost_nano_usd: costNanoUsd,
    ...(subtree && { subtree: { usage: subtree.usage, cost_nano_usd: subtree.costNanoUsd } }),
  };
}

/** With the real values. In JSON they may need quoting, so it is written anew then. */
function unmasked(run: ActiveRun, answer: string): string {
  const text = run.guard.unmask(answer);
  const json = text === answer ? undefined : rawOutput(run);
  return json === undefined ? text : JSON.stringify(run.guard.unmask(json));
}

/** Null when the agent has no output schema. */
function checkedOutput(run: ActiveRun): unknown {
  const schema: z.ZodType | null = run.agent.output;
  if (schema === null) return null;
  const raw = rawOutput(run);
  if (raw === undefined) throw agentFailure("OUTPUT_INVALID", "the answer is not JSON");
  const parsed = schema.safeParse(run.guard.unmask(raw));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue!.path.map(String).join(".");
  const misfit = run.guard.hide(`${where ? `${where}: ` : ""}${issue!.message}`);
  throw agentFailure("OUTPUT_INVALID", `the answer does not fit the output schema: ${misfit}`);
}

/** The JSON of the last answer; undefined when it is none, or when the agent has no output schema. */
function rawOutput({ agent, state }: ActiveRun): unknown {
  const answer = lastTurn(state)?.answer;
  if (agent.output === null || answer === undefined) return undefined;
  if (answer["output"] !== undefined) return answer["output"];
  try {
    return JSON.parse(answer.text) as unknown;
  } catch {
    return undefined; // said by who asks
  }
}
