/**
 * Wakes: the TASK that wakes a run whose pause was answered, and the reply of one that was cancelled in its pause. Both follow
 * from the journal, so whoever finds that they are missing sends them: a submitter that died in between loses nothing.
 */
import {
  endDedupId,
  isPauseType,
  repliesOf,
  signalOf,
  toStopped,
  toWakeTask,
  wakesOf,
  type Bus,
  type InstanceId,
  type SignalId,
  type SignalOf,
} from "@myelin/bus";
import { DendriteError } from "../errors.ts";
import type { Records } from "../records.ts";
import type { RunLog } from "../run-log.ts";
import type { ReadJournal } from "./run-journals.ts";

export class Wakes {
  readonly #bus: Bus;
  readonly #instance: InstanceId;
  readonly #log: RunLog;
  readonly #records: Records;

  constructor(parts: { bus: Bus; instance: InstanceId; log: RunLog; records: Records }) {
    this.#bus = parts.bus;
    this.#instance = parts.instance;
    this.#log = parts.log;
    this.#records = parts.records;
  }

  /** The TASK that began the run: from the log, else from the records. */
  async firstTask({ run: { runId }, entries }: ReadJournal): Promise<SignalOf<"TASK">> {
    const { task_id, task_seq } = entries.find(({ event_type }) => event_type === "attempt.started")?.data ?? {};
    const inLog = typeof task_seq === "number" ? await this.#log.taskAt(task_seq) : null;
    const task = inLog && inLog.id === task_id ? inLog : await this.#records.taskOf(runId);
    if (task) return task;
    throw new DendriteError("TASK_NOT_FOUND", `the log and the tables hold no TASK of run ${runId}`);
  }

  /** Send the TASK that wakes the run. Sent by several it is stored once. */
  async wake(
    first: SignalOf<"TASK">,
    { id, timeoutMs, parentId }: { id: string; timeoutMs: number; parentId: SignalId },
  ): Promise<void> {
    const task = toWakeTask(first, { id: id as SignalId, timeoutMs, parentId, instance: this.#instance });
    await this.#bus.append(task, { dedupId: task.id });
  }

  /** Send what the journal says must follow, if it is not in the log. */
  async heal(journal: ReadJournal): Promise<void> {
    const { state, run, entries, resumedBy } = journal;
    if (state.endedIn) return state.end?.event_type === "run.cancelled" ? this.#sayCancelled(journal) : undefined;
    if (!state.resumed || state.pause || state.end || !resumedBy) return;
    const { id, timeout_ms } = state.resumed.task;
    const isStarted = entries.some(
      ({ event_type, data }) => event_type === "attempt.started" && data["task_id"] === id,
    );
    if (isStarted || signalOf(await this.#bus.lastOf(wakesOf(run.traceId, run.runId)))?.id === id) return;
    await this.wake(await this.firstTask(journal), { id, timeoutMs: timeout_ms, parentId: resumedBy });
  }

  /** The reply of a run that was cancelled in its pause: its worker is not there to say it. Of one that expired the sweeper does. */
  async #sayCancelled({ state, run, meta, traceId, entries }: ReadJournal): Promise<void> {
    const replied = signalOf(await this.#bus.lastOf(repliesOf(traceId, run.runId, meta.reply_to)));
    if (replied && !isPauseType(replied.type)) return;
    const task_seq = entries.findLast((one) => one.event_type === "attempt.started")?.data["task_seq"];
    const node = this.#instance;
    const stopped = toStopped(
      {
        trace_id: traceId,
        parent_id: replied?.id ?? null,
        directed: { id: run.neuron, type: null, capabilities: [] },
        meta: { ...meta, instance: node, ...(typeof task_seq === "number" && { task_seq }) },
      },
      { reason: state.end?.data["reason"], node },
    );
    // As the sweeper's, and a plain answer's: one of them counts.
    await this.#bus.append(stopped, { dedupId: endDedupId(run.runId, replied) });
  }
}
