/**
 * Run outcomes: what a run comes to. A reply that says "paused" is checked against the journal: the pause may be over by
 * then, and the wake-up that its answer brings may have been lost with the process that sent the answer.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { EndType, SignalOf } from "@myelin/bus";
import type { RunEventEntry } from "@myelin/bus/run-events";
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
/** Until the first look whether what must follow the run's last entry is there, and between two of them at most. */
const FIRST_HEAL_MS = 2_000;
const LAST_HEAL_MS = 30_000;

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
    const settled = new AbortController();
    void this.#healOn(run, settled.signal);
    try {
      for (;;) {
        const leftMs = until - performance.now();
        if (leftMs <= 0) throw new DispatchTimeoutError(run.neuron, patience.timeoutMs, run.runId, run.traceId);
        const reply = await this.#follower.reply(run, { ...patience, timeoutMs: leftMs });
        const result = await this.of(reply);
        if (result) return result;
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS).unref());
      }
    } finally {
      settled.abort();
    }
  }

  /**
   * While it is waited for, somebody may answer a pause and die before the run is woken. So its last entry is looked at now and
   * then (one exact read), and when that is one that something must follow, it is seen to. Never rejects.
   */
  async #healOn(run: KnownRun, signal: AbortSignal): Promise<void> {
    for (let afterMs = FIRST_HEAL_MS; ; afterMs = Math.min(afterMs * 2, LAST_HEAL_MS)) {
      try {
        await sleep(afterMs, undefined, { signal, ref: false });
        const last = await this.#journals.lastEntry(run.runId, run.traceId);
        if (!last || !isFollowed(last)) continue;
        const journal = await this.#journals.read(run.runId, run.traceId);
        if (journal) await this.#children.heal(journal);
      } catch {
        if (signal.aborted) return;
        // The log is away: the next look, or the sweeper, has more luck.
      }
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

/** Whether an entry is followed by something that its writer sends: a task, a reply, or the end of a child, or of one more. */
const isFollowed = ({ event_type, data }: RunEventEntry): boolean =>
  ["run.resumed", "run.cancelled", "run.error"].includes(event_type) ||
  (event_type === "run.paused" && data["status"] === "waiting_child") ||
  (event_type === "tool.completed" && "by" in data);

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
