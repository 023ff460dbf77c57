/**
 * DoneTasks: whether a delivered task was done before (A2). One that may have been (delivered again, older than a lease, or
 * stored before a reconnect) is looked up in the log; a fresh one pays nothing.
 */
import {
  isEndType,
  isReplyType,
  Recent,
  repliesOf,
  runIdOf,
  signalOf,
  type Bus,
  type SignalOf,
  type TaskDelivery,
} from "@myelin/bus";

export interface DoneTasksOptions {
  readonly bus: Bus;
  readonly ackWaitMs: number;
  /** When the bus last came back, in ms of the epoch; 0 when it never left. */
  readonly reconnectedAt: () => number;
}

/** Tasks remembered as done at least, so that a second delivery is not run again. */
const REMEMBERED = 10_000;
/** How far apart the clocks of the log and of a worker are taken to be at most. */
const CLOCK_SKEW_MS = 1_000;

export class DoneTasks {
  readonly #options: DoneTasksOptions;
  readonly #ids = new Recent<true>(REMEMBERED);

  constructor(options: DoneTasksOptions) {
    this.#options = options;
  }

  add(taskId: string): void {
    this.#ids.set(taskId, true);
  }

  /** It was done in this process. */
  has(taskId: string): boolean {
    return this.#ids.has(taskId);
  }

  /** It was delivered before, or the server has lost count. */
  isAgain({ deliveryCount, storedAt }: TaskDelivery): boolean {
    if (deliveryCount > 1) return true;
    // A server that was killed may have forgotten what it delivered: of what it had by then, and for as long as a lease.
    const reconnectedAt = this.#options.reconnectedAt();
    const isRecent = Date.now() - reconnectedAt < this.#options.ackWaitMs;
    return isRecent && storedAt.getTime() < reconnectedAt + CLOCK_SKEW_MS;
  }

  /** It is worth a look into the log. */
  mayHave(delivery: TaskDelivery): boolean {
    return this.isAgain(delivery) || Date.now() - delivery.storedAt.getTime() > this.#options.ackWaitMs;
  }

  /** Whether the log holds the reply to this TASK, or the end of its run. */
  async isAnswered(task: SignalOf<"TASK">, seq: number): Promise<boolean> {
    const entry = await this.#options.bus.lastOf(repliesOf(task.trace_id, runIdOf(task), task.meta.reply_to));
    const last = signalOf(entry);
    if (!last || entry!.seq < seq) return false;
    return isReplyType(last.type) && (isEndType(last.type) || last.parent_id === task.id);
  }
}
