/**
 * NatsLeases: keeps the tasks of one consumption ours for as long as their handlers run.
 *
 * Every third of the lease each task is extended (`+WPI`), as a request, because only an answer proves that the server heard
 * it. When nothing was confirmed for five sixths of a lease the task counts as lost, before the server gives it to another.
 * Whoever asks is told by the clock, not by the timer: in a process that was frozen or blocked, work goes on before any
 * timer has looked.
 * After that nothing may be said about it: the server does not compare deliveries, and would take our word for theirs.
 */
import { createInbox, type Msg, type Subscription } from "@nats-io/nats-core";
import type { NatsLink } from "./nats-link.ts";

export class Lease {
  readonly id: number;
  /** Where the server hears about this delivery. */
  ackSubject: string;
  /** The lease counts from here (`performance.now()`). */
  confirmedAt: number;
  extendedAt: number;
  readonly #holdMs: number;
  #isLost = false;
  #isOver = false;
  #lost: AbortController | undefined;

  /** `holdMs`: how long it counts without a confirmation. */
  constructor(id: number, ackSubject: string, now: number, holdMs: number) {
    this.id = id;
    this.ackSubject = ackSubject;
    this.confirmedAt = now;
    this.extendedAt = now;
    this.#holdMs = holdMs;
  }

  /** Once lost it stays lost. */
  get isLost(): boolean {
    if (!this.#isLost && !this.#isOver && performance.now() - this.confirmedAt > this.#holdMs) this.#lose();
    return this.#isLost;
  }

  /** Aborts when it is lost. */
  get lost(): AbortSignal {
    if (!this.#lost) {
      this.#lost = new AbortController();
      if (this.isLost) this.#lost.abort();
    }
    return this.#lost.signal;
  }

  /** Its handler has ended: what it is now it stays. */
  end(): void {
    this.#isOver = !this.isLost;
  }

  #lose(): void {
    this.#isLost = true;
    this.#lost?.abort();
  }
}

export class NatsLeases {
  readonly #link: NatsLink;
  readonly #ackWaitMs: number;
  readonly #inbox = createInbox();
  readonly #held = new Map<number, Lease>();
  readonly #onUp = () => this.#extend(0);
  #subscription: Subscription | undefined;
  #timer: NodeJS.Timeout | undefined;
  #nextId = 1;

  constructor(link: NatsLink, ackWaitMs: number) {
    this.#link = link;
    this.#ackWaitMs = ackWaitMs;
    // After an outage the leases may be short of time.
    link.onUp.add(this.#onUp);
  }

  hold(ackSubject: string): Lease {
    const lease = new Lease(this.#nextId++, ackSubject, performance.now(), (this.#ackWaitMs * 5) / 6);
    this.#held.set(lease.id, lease);
    this.#timer ??= setInterval(() => this.#tick(), this.#ackWaitMs / 6);
    return lease;
  }

  /** The server has given us the same task again: its new delivery is the one that counts. */
  adopt(lease: Lease, ackSubject: string): void {
    lease.ackSubject = ackSubject;
    lease.confirmedAt = lease.extendedAt = performance.now();
  }

  release(lease: Lease): void {
    lease.end();
    this.#held.delete(lease.id);
  }

  /** True while our word about it counts. */
  isOurs(lease: Lease): boolean {
    return !lease.isLost && performance.now() - lease.confirmedAt < this.#ackWaitMs;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#link.onUp.delete(this.#onUp);
    this.#subscription?.unsubscribe();
  }

  #tick(): void {
    if (this.#held.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    for (const lease of this.#held.values()) if (lease.isLost) this.#held.delete(lease.id);
    // A little early, so that a tick that comes a millisecond too soon does not wait for the next one.
    this.#extend(this.#ackWaitMs / 3 - this.#ackWaitMs / 24);
  }

  #extend(notWithinMs: number): void {
    if (!this.#link.isUp || this.#held.size === 0) return;
    this.#subscription ??= this.#link.nc.subscribe(`${this.#inbox}.>`, {
      callback: (error, message) => {
        if (!error) this.#onConfirmation(message);
      },
    });
    const now = performance.now();
    for (const lease of this.#held.values()) {
      if (now - lease.extendedAt < notWithinMs) continue;
      lease.extendedAt = now;
      // The answer tells which question it answers: the lease counts from the question.
      this.#link.outbox.send(lease.ackSubject, "+WPI", { reply: `${this.#inbox}.${lease.id}.${Math.floor(now)}` });
    }
  }

  #onConfirmation(message: Msg): void {
    // "No responders" also answers, and confirms nothing.
    if (message.headers && message.headers.code >= 300) return;
    const [id, askedAt] = message.subject.slice(this.#inbox.length + 1).split(".");
    const lease = this.#held.get(Number(id));
    if (lease) lease.confirmedAt = Math.max(lease.confirmedAt, Number(askedAt));
  }
}
