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
   * the run goes on; or return null, and it ends there. Default: it ends at its first pause.
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
    while (run.pause && onPause) {
      const submitted = await onPause(run, dendrite);
      if (submitted === null) break;
      run = await submitted.result({ timeoutMs: LONGEST_MS });
    }
    return run;
  } finally {
    await dendrite.stop();
    await synapse.drain();
  }
}

/** The run has a deadline of its own. */
const LONGEST_MS = 604_800_000;
