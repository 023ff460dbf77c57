/**
 * NatsPulls: asks a durable consumer for as many tasks as there is room, and no more.
 *
 * A pull is a request for a batch, answered on a subject of its own until the batch is complete or the request expires. The
 * subject tells which pull a delivery belongs to (the delivery itself carries only the subject of what was stored).
 *
 *   free -> live -> free (all delivered, or the server said that it is over)
 *             \---> lost -> forgotten (no word after its time, or the connection was lost; its subject is not used again)
 *
 * A poll is a pull that does not wait: it brings what is there, and ends. It has its own places, beside the room of the others.
 *
 * Pulls are short, because a frozen process would find the tasks of a long one in its socket, and run what has long been
 * done elsewhere (8 of 8). They carry no heartbeat: at 5 s the end of a pull is heartbeat enough.
 */
import { createInbox, type Msg, type Subscription } from "@nats-io/nats-core";
import type { NatsLink } from "./nats-link.ts";

const MS_NS = 1_000_000;
const LONGEST_PULL_MS = 5_000;
/** How much later than its end a pull may be answered. */
const GRACE_MS = 500;
/** A poll is answered at once. One that is not, by then, says that nobody can tell. */
const LONGEST_POLL_MS = 2_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

export interface PullDelivery {
  readonly message: Msg;
  /** When it was asked for (`performance.now()`). */
  readonly pulledAt: number;
  readonly hasRoom: boolean;
}
export interface PullsOptions {
  /** The stream's and consumer's names as in an API subject: `<stream>.<consumer>`. */
  readonly consumer: string;
  readonly ackWaitMs: number;
  /** True when it filled a place; a promise of that when it is not known yet. */
  readonly onDelivery: (delivery: PullDelivery) => boolean | Promise<boolean>;
  /** The server has no such consumer, or cannot say; pulls wait until this settles. */
  readonly onTrouble: (reason: string) => Promise<void>;
}

interface Pull {
  readonly inbox: string;
  readonly subscription: Subscription;
  sentAt: number;
  expiresMs: number;
  /** How many it may still deliver. */
  remaining: number;
  state: "free" | "live" | "lost";
  /** Set while it is a poll. */
  poll: Poll | null;
}

interface Poll {
  delivered: number;
  /** Those of the delivered that took a place. */
  filled: number;
  /** Settle when `filled` is right. */
  readonly unknown: Promise<void>[];
  readonly onEnd: () => void;
}

export class NatsPulls {
  /** How many pulls were sent. */
  sent = 0;
  readonly #link: NatsLink;
  readonly #options: PullsOptions;
  readonly #expiresMs: number;
  readonly #inbox = createInbox();
  readonly #pulls = new Set<Pull>();
  readonly #onUp = () => this.#pump();
  readonly #onDown = () => this.#loseAll();
  #room = 0;
  #isPumpDue = false;
  #isStopped = false;
  /** Waiting out a pause, or for onTrouble. */
  #isHeld = false;
  #pauseMs = FIRST_PAUSE_MS;
  #pauseTimer: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(link: NatsLink, options: PullsOptions) {
    this.#link = link;
    this.#options = options;
    // Well below the half lease after which a delivery is not trusted any more.
    this.#expiresMs = Math.min(LONGEST_PULL_MS, Math.floor(options.ackWaitMs * 0.4));
    link.onUp.add(this.#onUp);
    link.onDown.add(this.#onDown);
  }

  /** There is room for `n` more; a negative `n` takes room back. Nothing is sent for that: the pulls that run are short. */
  request(n: number): void {
    if (this.#isStopped) return;
    this.#room = Math.max(0, this.#room + n);
    // Requests of one turn become one pull; the client sends at the end of the turn anyway.
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    queueMicrotask(() => this.#pump());
  }

  /** Bring up to `n` that are there now. Resolves with how many took a place. */
  async poll(n: number): Promise<number> {
    let came = 0;
    for (;;) {
      const asked = n - came;
      const { delivered, filled } = await this.#pollOnce(asked);
      came += filled;
      // What was delivered and took no place (bad, or known) says nothing about what lies behind it.
      if (delivered < asked || filled === asked) return came;
    }
  }

  /** Pull no more. Resolves when nothing that was pulled is on its way any more; it is delivered, without room. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#room = 0;
    this.#link.onUp.delete(this.#onUp);
    this.#link.onDown.delete(this.#onDown);
    clearInterval(this.#timer);
    clearTimeout(this.#pauseTimer);
    for (const pull of this.#pulls) this.#endPoll(pull);
    this.#link.outbox.flush();
    // Without the subscription the server forgets the pull.
    await Promise.all([...this.#pulls].map((pull) => pull.subscription.drain().catch(() => {})));
  }

  #pump(): void {
    this.#isPumpDue = false;
    if (this.#isStopped || this.#isHeld || !this.#link.isUp || this.#room <= 0) return;
    let outstanding = 0;
    for (const pull of this.#pulls) if (pull.state === "live" && !pull.poll) outstanding += pull.remaining;
    const missing = this.#room - outstanding;
    // One pull for several places, once half of them are not asked for: not one pull for each task that ends.
    if (missing > 0 && outstanding < this.#room / 2) {
      this.#send(missing, `"expires":${this.#expiresMs * MS_NS}`, this.#expiresMs, null);
    }
  }

  #pollOnce(batch: number): Promise<{ delivered: number; filled: number }> {
    return new Promise((resolve) => {
      const poll: Poll = { delivered: 0, filled: 0, unknown: [], onEnd: () => resolve(poll) };
      if (batch <= 0 || this.#isStopped || this.#isHeld || !this.#link.isUp) poll.onEnd();
      else this.#send(batch, `"no_wait":true`, Math.min(LONGEST_POLL_MS, this.#expiresMs), poll);
    });
  }

  #send(batch: number, until: string, expiresMs: number, poll: Poll | null): void {
    const pull = this.#freePull();
    pull.state = "live";
    pull.remaining = batch;
    pull.sentAt = performance.now();
    pull.expiresMs = expiresMs;
    pull.poll = poll;
    this.sent++;
    this.#timer ??= setInterval(() => this.#tick(), Math.max(20, Math.min(GRACE_MS, this.#expiresMs / 4)));
    this.#link.outbox.send(`$JS.API.CONSUMER.MSG.NEXT.${this.#options.consumer}`, `{"batch":${batch},${until}}`, {
      reply: pull.inbox,
    });
  }

  #endPoll(pull: Pull): void {
    const { poll } = pull;
    pull.poll = null;
    if (!poll) return;
    if (poll.unknown.length === 0) poll.onEnd();
    else void Promise.all(poll.unknown).then(() => poll.onEnd());
  }

  #freePull(): Pull {
    for (const pull of this.#pulls) if (pull.state === "free") return pull;
    const inbox = `${this.#inbox}.${this.sent}`;
    const subscription = this.#link.nc.subscribe(inbox, {
      callback: (error, message) => {
        if (!error) this.#onMessage(pull, message);
      },
    });
    const pull: Pull = { inbox, subscription, sentAt: 0, expiresMs: 0, remaining: 0, state: "free", poll: null };
    this.#pulls.add(pull);
    return pull;
  }

  #onMessage(pull: Pull, message: Msg): void {
    // What ends a pull comes on its own subject; what is delivered, on the subject it was stored under.
    if (message.subject === pull.inbox) return this.#onStatus(pull, message);
    this.#pauseMs = FIRST_PAUSE_MS;
    // What a live pull brings was asked for, also when its room was taken back meanwhile.
    const hasRoom = !this.#isStopped && (pull.state === "live" || this.#room > 0);
    const filling = this.#options.onDelivery({ message, pulledAt: pull.sentAt, hasRoom });
    const { poll } = pull;
    // Until it is known, the place is taken.
    const isFilled = filling !== false;
    if (filling instanceof Promise) {
      const known = filling.then((isFilled) => {
        if (isFilled) return;
        if (poll) poll.filled--;
        else this.request(1);
      });
      poll?.unknown.push(known);
    }
    if (poll) {
      poll.delivered++;
      if (isFilled) poll.filled++;
    } else if (isFilled && this.#room > 0) this.#room--;
    if (pull.state === "live" && --pull.remaining === 0) {
      pull.state = "free";
      this.#endPoll(pull);
    }
    this.#pump();
  }

  #onStatus(pull: Pull, message: Msg): void {
    if (pull.state === "live") pull.state = "free";
    this.#endPoll(pull);
    const code = message.headers?.code ?? 0;
    // 404 and 408: there was nothing, or nothing more, in its time.
    if (code === 404 || code === 408) {
      this.#pauseMs = FIRST_PAUSE_MS;
      this.#pump();
      return;
    }
    if (this.#isHeld || this.#isStopped) return;
    this.#isHeld = true;
    const reason = message.headers?.description || (code === 503 ? "no responders" : `status ${code}`);
    void this.#options.onTrouble(reason).finally(() => this.#pause());
  }

  #pause(): void {
    if (this.#isStopped) return;
    this.#pauseTimer = setTimeout(() => {
      this.#isHeld = false;
      this.#pump();
    }, this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  #tick(): void {
    const now = performance.now();
    for (const pull of this.#pulls) {
      const overdueMs = now - pull.sentAt - pull.expiresMs;
      if (pull.state === "live" && overdueMs > GRACE_MS) this.#lose(pull);
      // Until then a late delivery of it is still taken, or handed back.
      if (pull.state === "lost" && overdueMs > this.#expiresMs) this.#forget(pull);
    }
    this.#pump();
    if ([...this.#pulls].every((pull) => pull.state === "free")) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  /** A server that was restarted has forgotten them; one that was not may still answer them. */
  #loseAll(): void {
    for (const pull of this.#pulls) {
      if (pull.state === "free") this.#forget(pull);
      else this.#lose(pull);
    }
  }

  #lose(pull: Pull): void {
    pull.state = "lost";
    this.#endPoll(pull);
  }

  #forget(pull: Pull): void {
    this.#pulls.delete(pull);
    pull.subscription.unsubscribe();
  }
}
