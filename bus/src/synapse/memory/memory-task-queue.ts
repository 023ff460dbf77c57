/**
 * MemoryTaskQueue: the durable consumer of one neuron and lane. A task is pending, or leased to one member, or done; or gone,
 * when the log was purged.
 *
 * A member that answers settles its lease. A member whose connection crashed says nothing, and its lease lapses.
 */
import { matchesFilter, type SubjectFilter } from "../../protocol/subjects.ts";
import type { Signal } from "../../protocol/signal.ts";
import type { TaskOutcome } from "../synapse.ts";
import type { MemoryLog, StoredEntry } from "./memory-log.ts";

export interface MemoryTaskMember {
  /** Tasks it has room for. The queue takes one off for each delivery. */
  room: number;
  readonly ackWaitMs: number;
  /** Null when it is no Signal: then nobody gets it. */
  parse(entry: StoredEntry): Signal | null;
  /** Runs the task. The lease holds until this settles; null when the member crashed meanwhile. */
  run(entry: StoredEntry, signal: Signal, deliveryCount: number): Promise<TaskOutcome | null>;
}

export class MemoryTaskQueue {
  readonly #filter: SubjectFilter;
  readonly #log: MemoryLog;
  readonly #pending: { entry: StoredEntry; deliveryCount: number }[] = [];
  readonly #members: MemoryTaskMember[] = [];
  #turn = 0;

  constructor(filter: SubjectFilter, log: MemoryLog) {
    this.#filter = filter;
    this.#log = log;
  }

  /** Take an entry of the log, if it is one for this queue. */
  offer(entry: StoredEntry): void {
    if (!matchesFilter(entry.tokens, this.#filter)) return;
    this.#pending.push({ entry, deliveryCount: 0 });
    this.deliver();
  }

  join(member: MemoryTaskMember): void {
    this.#members.push(member);
  }

  leave(member: MemoryTaskMember): void {
    const at = this.#members.indexOf(member);
    if (at >= 0) this.#members.splice(at, 1);
  }

  /** Hand out what is pending to members with room, in turn. */
  deliver(): void {
    while (this.#pending.length > 0) {
      // Purged meanwhile: nobody's any more.
      if (this.#pending[0]!.entry.seq < this.#log.firstSeq) {
        this.#pending.shift();
        continue;
      }
      const member = this.#nextWithRoom();
      if (!member) return;
      if (this.#deliverTo(member)) member.room--;
    }
  }

  /** Hand out up to `n` of what is pending to this member, whatever room it has. */
  poll(member: MemoryTaskMember, n: number): number {
    let came = 0;
    if (!this.#members.includes(member)) return came;
    while (came < n && this.#pending.length > 0) if (this.#deliverTo(member)) came++;
    return came;
  }

  #deliverTo(member: MemoryTaskMember): boolean {
    const { entry, deliveryCount } = this.#pending.shift()!;
    const signal = member.parse(entry);
    if (!signal) return false;
    void this.#lease(member, entry, signal, deliveryCount + 1);
    return true;
  }

  #nextWithRoom(): MemoryTaskMember | undefined {
    for (let tried = 0; tried < this.#members.length; tried++) {
      const member = this.#members[this.#turn++ % this.#members.length]!;
      if (member.room > 0) return member;
    }
    return undefined;
  }

  async #lease(member: MemoryTaskMember, entry: StoredEntry, signal: Signal, deliveryCount: number): Promise<void> {
    const outcome = await member.run(entry, signal, deliveryCount);
    if (outcome?.type === "done") return;
    const delayMs = outcome?.type === "retry" ? outcome.delayMs : member.ackWaitMs;
    const again = () => {
      this.#pending.push({ entry, deliveryCount });
      this.deliver();
    };
    if (delayMs <= 0) again();
    else setTimeout(again, delayMs).unref();
  }
}
