/**
 * Children: lets a run that waits in its journal for runs it delegated to know how they ended, and wakes it behind the last.
 *
 * Nothing waits for that in memory, so both sides look: who ends a child looks whether its parent waits, and who lets a parent
 * wait looks whether a child has ended. Each does so behind its own entry, so of any two one sees the other's. Who dies in
 * between is stood in for by whoever asks for the run, and by the sweeper. The append is the claim: of those who race one wakes
 * the parent.
 */
import { newSignalId, toChildEnd, type EndType, type SignalOf } from "@myelin/bus";
import {
  endWithFailure,
  missingChildren,
  settleChildren,
  type ChildEnd,
  type PendingChild,
  type RunEventEntry,
} from "@myelin/bus/run-events";
import { RecordsUnavailableError, RunNotFoundError } from "../errors.ts";
import type { KnownRun, RunHistory } from "../run-history.ts";
import { isPause } from "../waiters.ts";
import type { ReadJournal, RunJournals } from "./run-journals.ts";
import type { Wakes } from "./wakes.ts";

export class Children {
  readonly #journals: RunJournals;
  readonly #history: RunHistory;
  readonly #wakes: Wakes;

  constructor(parts: { journals: RunJournals; history: RunHistory; wakes: Wakes }) {
    this.#journals = parts.journals;
    this.#history = parts.history;
    this.#wakes = parts.wakes;
  }

  /** Put the ends of a run's children in its journal, and wake it when none is missing. Of a run that waits for none nothing is changed. */
  async settle(runId: string, traceId: string): Promise<void> {
    for (;;) {
      const journal = await this.#journals.read(runId, traceId);
      if (!journal) return;
      if (!waitsForChildren(journal)) return this.#wakes.heal(journal);
      const looked = missingChildren(journal.entries).map(
        async (call) => [call.call_id, await this.#endOfChild(call, traceId)] as const,
      );
      const ends = new Map((await Promise.all(looked)).flatMap(([id, end]) => (end ? [[id, end] as const] : [])));
      const settled = settleChildren(journal.entries, ends, newSignalId());
      if (!settled) return;
      const { task } = settled;
      // Before the claim: a run that is claimed must be woken.
      const first = task && (await this.#wakes.firstTask(journal));
      const stored = await this.#journals.append(journal, settled.entries);
      if (stored === null) continue;
      if (task && first) await this.#wakes.wake(first, { ...task, parentId: stored });
      return;
    }
  }

  /** Send what the journal says must follow, as `Wakes` does, for its children and its parent too. The journal as it is then. */
  async heal(journal: ReadJournal): Promise<ReadJournal> {
    const { state, run, meta, traceId } = journal;
    await this.#wakes.heal(journal);
    if (state.endedIn && meta.parent_run_id !== undefined) await this.settle(meta.parent_run_id, traceId);
    if (!waitsForChildren(journal)) return journal;
    await this.settle(run.runId, traceId);
    return (await this.#journals.read(run.runId, traceId)) ?? journal;
  }

  /** What an end is to who delegated. */
  async endOf(reply: SignalOf<EndType>): Promise<ChildEnd> {
    const hasFailed = reply.type === "ERROR" || reply.type === "STOPPED";
    return toChildEnd(reply, hasFailed ? await this.entriesOf(reply.meta.run_id ?? "", reply.trace_id) : []);
  }

  /** The journal of a run; empty when it has none, or when only the records could know it and nobody answers for them. */
  async entriesOf(runId: string, traceId: string): Promise<readonly RunEventEntry[]> {
    try {
      return (await this.#journals.read(runId, traceId))?.entries ?? [];
    } catch (error) {
      if (error instanceof RecordsUnavailableError) return [];
      throw error;
    }
  }

  /** Null while it lives. */
  async #endOfChild({ child_run_id: runId, child_agent }: PendingChild, traceId: string): Promise<ChildEnd | null> {
    const journal = await this.#journals.read(runId, traceId);
    try {
      const run = journal?.run ?? (await this.#history.find(runId));
      const end = await this.#endIn(run);
      if (end || !journal) return end;
      // It may be over, or ready to go on, and nobody lived to say so.
      await this.heal(journal);
      return journal.state.end ? await this.#endIn(run) : null;
    } catch (error) {
      if (!(error instanceof RunNotFoundError)) throw error;
      return endWithFailure(`${child_agent ?? "the agent"}: its run ${runId} is not there any more`, []);
    }
  }

  async #endIn(run: KnownRun): Promise<ChildEnd | null> {
    const found = await this.#history.replyOf(run);
    return found && !isPause(found.reply) ? this.endOf(found.reply) : null;
  }
}

const waitsForChildren = ({ state }: ReadJournal): boolean => state.pause?.data.status === "waiting_child";
