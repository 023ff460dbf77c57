/** Pause: puts on record what a run asks for, and ends this start of it. Nothing waits in memory. */
import type { RunEventData } from "@myelin/bus/run-events";
import { pause, type Pause } from "@myelin/neuron";
import type { ActiveRun } from "./active-run.ts";
import { eventOf } from "./event.ts";
import { newId } from "./ids.ts";
import type { Ask } from "./pauses.ts";

/** Resolves once it is on record. */
export async function pauseRun(run: ActiveRun, { events, options, ...asked }: Ask): Promise<Pause> {
  const { approval_expires_ms: expiresMs, assignees = [] } = run.state.started!;
  // What it delegated to asks somebody, not this run.
  const isAsking = asked.status !== "waiting_child";
  const expires = expiresMs !== undefined && isAsking && asked.status !== "waiting_client_tool";
  const data: RunEventData<"run.paused"> = {
    pause_id: newId("pause"),
    ...asked,
    ...(options !== undefined && { options }),
    ...(isAsking && assignees.length > 0 && { assignees: [...assignees] }),
    expires_at: expires ? new Date(Date.now() + expiresMs).toISOString() : null,
    elapsed_ms: run.elapsedMs,
  };
  run.record([...events, eventOf("run.paused", run.state.turns.length, data)]);
  await run.flush();
  return toOutcome(data);
}

/** What a start that finds the run paused says again. */
export const toOutcome = ({ status, question, expires_at, ...context }: RunEventData<"run.paused">): Pause =>
  pause({ status, question, expiresAt: expires_at, context });
