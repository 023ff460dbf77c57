/**
 * Loop: one start of an agent's run. It reads the journal, and from there takes the step that the state asks for, until the
 * run ends, pauses, or fails.
 *
 * J2: where the run is comes from its journal alone, so any process can go on with it.
 * J3: a tool runs after the entry that announces it is acknowledged. One that was announced by an earlier start and has no
 * answer is run again if it is idempotent; else a person is asked. A model call is repeated only if its answer was not
 * acknowledged.
 *
 * What is recorded is written when something waits for it: before tools run, before the next model call when none ran,
 * before a pause and before the reply. So at most
 * one model call is not on record. An answer of a tool is sent at once, and not waited for: it travels beside the next model
 * call.
 */
import type { agentInput, AgentOutput } from "@myelin/bus/run-events";
import { NeuronFailure, superseded, type NeuronContext, type NeuronOutcome } from "@myelin/neuron";
import type { z } from "zod";
import type { ResolvedAgent } from "../definition/resolve-agent.ts";
import { agentFailure } from "../errors.ts";
import { blockedFailure, GuardrailSet } from "../guardrails/guardrail-set.ts";
import { USE_SKILL } from "../skills/use-skill.ts";
import { ActiveRun, type RunTools } from "./active-run.ts";
import { begin, goOn } from "./configure.ts";
import { callModel } from "./call-model.ts";
import { eventOf, toEvents } from "./event.ts";
import { finish, finished } from "./finish.ts";
import { pauseRun, toOutcome } from "./pause.ts";
import { runTool } from "./run-tool.ts";
import { fold, INITIAL_STATE, type Call } from "./state.ts";
import { step } from "./step.ts";
import { lookThroughSubmitted } from "./submitted.ts";

export async function runAgent(
  agent: ResolvedAgent,
  input: z.output<typeof agentInput>,
  ctx: NeuronContext,
): Promise<AgentOutput | NeuronOutcome> {
  const journal = await ctx.journal.read();
  const state = toEvents(journal).reduce(fold, INITIAL_STATE);
  const run = new ActiveRun(agent, ctx, state, GuardrailSet.from(agent.guardrails, journal, state.started?.guardrails));
  try {
    const ended = endedBefore(run);
    if (ended) return ended;
    const tools = await (state.started ? goOn(run, state.started) : begin(run, input));
    await lookThroughSubmitted(run);
    return await loop(run, tools);
  } catch (thrown) {
    // What is known by now is kept: failed calls, and what they cost. If that fails too, the first reason counts.
    await run.flush().catch(() => {});
    throw thrown;
  }
}

/** What there is to say without doing anything: the run has ended, waits, or is gone on with under another task. */
function endedBefore(run: ActiveRun): AgentOutput | NeuronOutcome | null {
  const { started, end, blocked, pause, wokenBy } = run.state;
  if (started && started.agent_name !== run.agent.name) {
    const message = `the run was begun by the agent "${started.agent_name}"; this one is "${run.agent.name}"`;
    throw agentFailure("AGENT_CHANGED", message);
  }
  if (end?.type === "completed") return finished(run, end.data);
  if (end?.type === "error") throw new NeuronFailure(end.data.code, end.data.message);
  if (end?.type === "cancelled") throw new NeuronFailure("CANCELLED", end.data.reason ?? "the run was cancelled");
  if (blocked) {
    const direction = blocked.direction === "outgoing" ? "outgoing" : "incoming";
    throw blockedFailure({ guardrail: blocked.guardrail, entities: Object.keys(blocked.findings) }, { direction });
  }
  if (pause) return toOutcome(pause);
  return wokenBy !== null && wokenBy !== run.ctx.taskId ? superseded() : null;
}

async function loop(run: ActiveRun, tools: RunTools): Promise<AgentOutput | NeuronOutcome> {
  for (;;) {
    run.ctx.signal.throwIfAborted();
    const effect = step(run.state, tools.plan);
    switch (effect.type) {
      case "record":
        run.record(effect.events);
        break;
      case "call_model":
        await run.flushAnswer();
        await callModel(run, tools);
        break;
      case "run_tools":
        await runTools(run, tools, effect.calls);
        break;
      case "ask":
        return pauseRun(run, effect.ask);
      case "complete":
        return finish(run, effect.status);
      case "fail":
        throw agentFailure(effect.code, effect.message);
    }
  }
}

/** All of them; the first that rejects is told once all are through. */
async function runTools(run: ActiveRun, { plan }: RunTools, calls: readonly Call[]): Promise<void> {
  const iteration = run.state.turns.length;
  const toolOf = (call: Call) => plan.tools.get(call.data.tool_name)!;
  const isRepeatable = (call: Call) => toolOf(call).idempotent;
  // One that was announced and may be repeated is not announced again: the journal is that of an undisturbed run.
  for (const call of calls) if (!call.isStarted || !isRepeatable(call)) run.record(startEvents(call, iteration));
  await run.flush();
  const settled = await Promise.allSettled(
    calls.map(async (call) => {
      await runTool(run, toolOf(call), call);
      run.flushLater();
    }),
  );
  for (const one of settled) if (one.status === "rejected") throw one.reason as Error;
}

function startEvents({ data }: Call, iteration: number) {
  const { call_id, provider_call_id, tool_name, params } = data;
  const call = { call_id, provider_call_id, tool_name, params };
  const started = eventOf("tool.started", iteration, { ...call, target: "server" }, call_id);
  if (tool_name !== USE_SKILL) return [started];
  return [started, eventOf("skill.invoked", iteration, { skill_name: String(params["name"]) }, call_id)];
}
