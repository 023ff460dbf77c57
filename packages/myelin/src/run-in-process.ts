/**
 * runInProcess: an agent's run with no servers: a bus in memory, a worker and a caller in this process. For scripts, tests and
 * trying things out: nothing is kept, and the run dies with the process.
 */
import { connectSynapse, newTraceId, type Logger } from "@myelin/bus";
import { Axon, Dendrite, type RunAndWait, type RunResult, type Submitted } from "@myelin/dendrite";
import type { Agent } from "@myelin/agent";

export interface RunInProcessOptions {
  /** Agents that it hands tasks to. Default none. */
  readonly agents?: readonly Agent[] | undefined;
  /**
   * Called when the run pauses: submit what it waits for, as in `(run, dendrite) => dendrite.submitApproval(run.runId, …)`, and
   * the run goes on; or return null, and it ends there. When it waits for an agent that it delegated to, the run that is given is
   * that one. Default: it ends at its first pause.
   */
  readonly onPause?: ((run: RunResult, dendrite: Dendrite) => Promise<Submitted | null>) | undefined;
  /** Default: silent. */
  readonly logger?: Logger | undefined;
}

/**
 * Run an agent to its end, or to a pause that nobody answers. Rejects as `dendrite.run` does. May be called concurrently and
 * again: each call has a bus of its own. The agent's model and tool sources stay open; `agent.close()` closes them.
 */
export async function runInProcess(
  agent: Agent,
  request: string | RunAndWait,
  { agents = [], onPause, logger }: RunInProcessOptions = {},
): Promise<RunResult> {
  const synapse = await connectSynapse(`memory://${newTraceId()}`);
  const dendrite = new Dendrite({ synapse, logger });
  try {
    for (const one of [agent, ...agents]) dendrite.attachAxon(new Axon({ ...one, close: undefined }));
    await dendrite.start();
    let run = await dendrite.run(agent, typeof request === "string" ? { text: request } : request);
    while (run.pause && onPause && (await answer(run, onPause, dendrite))) {
      run = await dendrite.runs.wait(run.runId, { timeoutMs: LONGEST_MS });
    }
    return run;
  } finally {
    await dendrite.stop();
    await synapse.drain();
  }
}

/** False when somebody does not want to. A run that waits for others waits for theirs. */
async function answer(
  run: RunResult,
  onPause: NonNullable<RunInProcessOptions["onPause"]>,
  dendrite: Dendrite,
): Promise<boolean> {
  if (run.pause?.status !== "waiting_child") return (await onPause(run, dendrite)) !== null;
  for (const { childRunId } of run.pause.pending) {
    // One that failed is over too: the run that waits for it is told.
    const child = await dendrite.runs.wait(childRunId!, { timeoutMs: LONGEST_MS }).catch(() => null);
    if (child?.pause && !(await answer(child, onPause, dendrite))) return false;
  }
  return true;
}

/** The run has a deadline of its own. */
const LONGEST_MS = 604_800_000;
