/**
 * Run outcomes: what a run comes to. A reply that says "paused" is checked against the journal: the pause may be over by
 * then, and the wake-up that its answer brings may have been lost with the process that sent the answer.
 */
import type { EndType, SignalOf } from "@myelin/bus";
import { DispatchTimeoutError, fromErrorSignal } from "../errors.ts";
import type { RunFollower } from "../run-follower.ts";
import type { KnownRun, RunHistory } from "../run-history.ts";
import { orAborted } from "../wait.ts";
import { isPause, type Reply } from "../waiters.ts";
import type { Children } from "./children.ts";
import type { RunJournals } from "./run-journals.ts";
import type { RunResult } from "./run-result.ts";
import { toPausedResult, toPlainPausedResult, toResult } from "./to-result.ts";

export interface Patience {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly onPause: "return" | "wait";
}

/** Between two looks at a run whose reply does not come: its journal says that it is over. */
const LOOK_AGAIN_MS = 50;

export class RunOutcomes {
  readonly #follower: RunFollower;
  readonly #history: RunHistory;
  readonly #journals: RunJournals;
  readonly #children: Children;

  constructor(parts: { follower: RunFollower; history: RunHistory; journals: RunJournals; children: Children }) {
    this.#follower = parts.follower;
    this.#history = parts.history;
    this.#journals = parts.journals;
    this.#children = parts.children;
  }

  /** Wait for it. Rejects with `NeuronError`, `DispatchTimeoutError`, or the signal's reason; giving up leaves the run alone. */
  async wait(run: KnownRun, patience: Patience): Promise<RunResult> {
    const until = performance.now() + patience.timeoutMs;
    const now = await orAborted(this.#now(run, patience), patience.signal);
    if (now) return now;
    for (;;) {
      const leftMs = until - performance.now();
      if (leftMs <= 0) throw new DispatchTimeoutError(run.neuron, patience.timeoutMs, run.runId, run.traceId);
      const reply = await this.#follower.reply(run, { ...patience, timeoutMs: leftMs });
      const result = await this.of(reply);
      if (result) return result;
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS).unref());
    }
  }

  /** What it is at already. A pause that outlived its journal in the log has no reply there any more. */
  async #now(run: KnownRun, { onPause }: Patience): Promise<RunResult | null> {
    const found = await this.#history.replyOf(run);
    if (found && !isPause(found.reply)) return toEnd(found.reply);
    const read = await this.#journals.read(run.runId, run.traceId);
    if (!read) return null;
    const journal = await this.#children.heal(read);
    const { pause } = journal.state;
    return pause && onPause === "return" ? toPausedResult(journal, pause) : null;
  }

  /** What a reply comes to; null when it is a pause that is over: then the run goes on. */
  async of(reply: Reply): Promise<RunResult | null> {
    if (!isPause(reply)) return toEnd(reply);
    const journal = await this.#journals.read(reply.meta.run_id ?? "", reply.trace_id);
    if (!journal?.state.isOwned) return toPlainPausedResult(reply);
    const { pause } = journal.state;
    if (pause) return toPausedResult(journal, pause);
    await this.#children.heal(journal);
    return null;
  }
}

function toEnd(reply: SignalOf<EndType>): RunResult {
  switch (reply.type) {
    case "AGENT_OUTPUT":
      return toResult(reply);
    case "FINAL":
      return toResult({ ...reply, type: "AGENT_OUTPUT", payload: { output: reply.payload.result } });
    case "ERROR":
    case "STOPPED":
      throw fromErrorSignal(reply);
  }
}
