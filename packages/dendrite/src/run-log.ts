/**
 * RunLog: what the log says of one run: which reply counts, whether its TASK is there, and where to look for it.
 *
 * A1: one terminal counts, the first in the log. `lastOf` may be a later one, so whoever finds an end looks for the first.
 */
import {
  bucketOf,
  isEndType,
  isReplyType,
  repliesOf,
  signalOf,
  timeOfId,
  wakesOf,
  type Bus,
  type LogEntry,
  type LogInfo,
  type Signal,
  type SignalOf,
} from "@myelin/bus";
import type { Reply, RunAddress } from "./waiters.ts";

export interface FoundReply {
  readonly reply: Reply;
  /** By the log's clock. */
  readonly storedAt: Date;
}

/** How far the clock of who made an id and the log's may be apart, in milliseconds. More than a second is warned of. */
const MAX_SKEW_MS = 5_000;
/** How long after its id was made a TASK may reach the log. */
const MAX_SENDING_MS = 60_000;

export class RunLog {
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  get namespace(): string {
    return this.#bus.namespace;
  }

  /** The first end; else the last pause, if nobody answered it; null while the run goes on. */
  async replyOf({ runId, traceId, replyTo }: RunAddress): Promise<FoundReply | null> {
    const filter = repliesOf(traceId, runId, replyTo);
    const last = await this.#bus.lastOf(filter);
    if (!last) return null;
    let pause: LogEntry | null = null;
    for (let entry = await this.#bus.firstOf(filter); entry;) {
      const signal = signalOf(entry);
      if (signal && isEndType(signal.type)) return foundReply(entry);
      if (signal && isReplyType(signal.type)) pause = entry;
      entry = entry.seq >= last.seq ? null : await this.#bus.firstOf(filter, { fromSeq: entry.seq + 1 });
    }
    if (!pause) return null;
    // A later task than the one that paused: it was answered. The pause itself may be stored after its answer is.
    const wake = await this.#bus.lastOf(wakesOf(traceId, runId));
    const pausedSeq = signalOf(pause)?.meta.task_seq ?? pause.seq;
    return wake && wake.seq > pausedSeq ? null : foundReply(pause);
  }

  /** Whether a TASK has woken the run from this pause, which is past the log: any but the one that paused. */
  async isAnswered(pause: Reply): Promise<boolean> {
    const wake = signalOf(await this.#bus.lastOf(wakesOf(pause.trace_id, pause.meta.run_id ?? "_")));
    return wake !== undefined && wake.id !== pause.parent_id;
  }

  /** Whether the TASK itself is in the log. Only for one with a subject of its own: an idempotency key's. */
  async holds(task: SignalOf<"TASK">): Promise<boolean> {
    const filter = {
      type: "TASK",
      to: task.directed.id ?? "_",
      lane: task.payload.priority ?? "normal",
      bucket: bucketOf(task.trace_id),
      run: task.meta.run_id!,
    } as const;
    const last = signalOf(await this.#bus.lastOf(filter));
    if (!last || last.id === task.id) return last !== undefined;
    // A wake-up of the same run, on the same subject.
    return signalOf(await this.#bus.firstOf(filter))?.id === task.id;
  }

  /**
   * Anything of a run, found by its id alone: the last Signal with the run in its subject, else its TASK. Costs a look at all
   * subjects, or at the TASKs of the seconds around the run's beginning; every other question here is an exact one.
   */
  async findRun(runId: string): Promise<Signal | null> {
    const last = signalOf(await this.#bus.lastOf({ run: runId }));
    if (last) return last;
    const madeAt = timeOfId(runId)?.getTime();
    if (madeAt === undefined) return null;
    return this.#findFrom("TASK", madeAt, madeAt + MAX_SENDING_MS, ({ meta }) => meta.run_id === runId);
  }

  /** The run's first TASK, by way of its first reply; null when either is not there. */
  async firstTask({ runId, traceId, replyTo }: RunAddress): Promise<SignalOf<"TASK"> | null> {
    const first = signalOf(await this.#bus.firstOf(repliesOf(traceId, runId, replyTo)));
    const task = await this.taskAt(first?.meta.task_seq);
    return task?.payload.answers === undefined ? task : null;
  }

  /** A Signal by its id: looks at those of its type from when it was made. Null also for an id that does not say when. */
  async findSignal<T extends "TASK" | "ERROR">(type: T, id: string): Promise<SignalOf<T> | null> {
    const madeAt = timeOfId(id)?.getTime();
    if (madeAt === undefined) return null;
    // A reply is appended until the log takes it, however long that is.
    const until = type === "TASK" ? madeAt + MAX_SENDING_MS : Infinity;
    return (await this.#findFrom(type, madeAt, until, (signal) => signal.id === id)) as SignalOf<T> | null;
  }

  /** The TASK at a place of the log; null when something else, or nothing any more, is there. */
  async taskAt(seq: number | undefined): Promise<SignalOf<"TASK"> | null> {
    const signal = seq === undefined ? undefined : signalOf(await this.#bus.get(seq));
    return signal?.type === "TASK" ? signal : null;
  }

  info(): Promise<LogInfo> {
    return this.#bus.info();
  }

  /** Whether the log still holds everything that was stored since an id was made. False when the id does not say when. */
  async reachesBackTo(id: string): Promise<boolean> {
    const { firstSeq } = await this.#bus.info();
    if (firstSeq <= 1) return true;
    const madeAt = timeOfId(id)?.getTime();
    const first = madeAt === undefined ? null : await this.#bus.get(firstSeq);
    return first !== null && first.storedAt.getTime() < madeAt! - MAX_SKEW_MS;
  }

  async #findFrom(
    type: "TASK" | "ERROR",
    madeAt: number,
    until: number,
    isIt: (signal: Signal) => boolean,
  ): Promise<Signal | null> {
    for await (const entry of this.#bus.read({ type }, { fromTime: new Date(madeAt - MAX_SKEW_MS) })) {
      if (entry.storedAt.getTime() > until) return null;
      const signal = signalOf(entry);
      if (signal && isIt(signal)) return signal;
    }
    return null;
  }
}

const foundReply = (entry: LogEntry): FoundReply => ({ reply: signalOf(entry) as Reply, storedAt: entry.storedAt });
