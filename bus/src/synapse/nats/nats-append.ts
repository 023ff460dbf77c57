/**
 * NatsAppender: puts Signals in logs, each acknowledged, at most 256 at a time; 10,000 more may wait their turn.
 *
 * One subscription hears all acknowledgements and one timer watches all deadlines: an append costs no timer and no promise
 * race of its own. With 256 in flight on two shared cores and no fsync: 32 to 46 k/s, the client's publish() 22 to 25 k/s.
 *
 * An append is: queued -> in flight -> settled. In flight it is sent again, always with the same ids, when
 *  - the server says "not now" (503, 10158, 10167, a raft without leader): after a pause
 *  - the server says nothing for a second, then two, then four
 *  - the connection was lost and is back: at once
 * After the last two it is *doubtful*: the lost answer may have been a yes. What makes sending again harmless is
 *  - the dedup id, which the server remembers for two minutes. Nobody gave one: the Signal's own id is it. That costs the
 *    server some 225 bytes for two minutes, and 15 % of the appends per second without fsync (nothing with it); an append
 *    that may be stored twice, or that fails with every restart of the server, costs more
 *  - or the expected last sequence, which is an id of its own and needs no other. A doubtful append that is refused looks
 *    at its place on the subject: is that its own entry, then it was stored. Without that look every restart of the server
 *    makes writers believe that they were replaced (45 to 92 of 384).
 */
import { createInbox, type Msg } from "@nats-io/nats-core";
import { LogUnavailableError, NotPermittedError, WrongLastSeqError } from "../../protocol/errors.ts";
import type { Appended } from "../synapse.ts";
import { API_CODE, describeError, type ApiError } from "./nats-api.ts";
import { getStored, type StoredBytes } from "./nats-entry.ts";
import { toHeaders } from "./nats-headers.ts";
import { closedError, type NatsLink, type Refusal } from "./nats-link.ts";

const MAX_IN_FLIGHT = 256;
/** What waits holds its bytes. More than this is refused at once: whoever appends without waiting would fill the memory. */
const MAX_WAITING = 10_000;
const TICK_MS = 50;
const FIRST_SILENCE_MS = 1_000;
const LONGEST_SILENCE_MS = 4_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** One append, as its caller describes it. */
export interface AppendRequest {
  /** The stream that listens on the subject. */
  readonly stream: string;
  readonly subject: string;
  readonly payload: string | Uint8Array;
  /** Of the Signal, or whatever else the errors should name. */
  readonly signalId: string;
  readonly dedupId: string | undefined;
  readonly expectLastSeq: number | undefined;
  /** It takes the place of all that its subject had. Default false. */
  readonly replaces?: boolean | undefined;
  readonly timeoutMs: number;
}

interface Pending extends Omit<AppendRequest, "payload"> {
  /** Null once settled: see `#settle`. */
  content: { readonly payload: string | Uint8Array; readonly headers: string } | null;
  readonly giveUpAt: number;
  resolve: (appended: Appended) => void;
  reject: (error: Error) => void;
  token: number;
  /** When to send again if nothing was heard. */
  sendAgainAt: number;
  silenceMs: number;
  pauseMs: number;
  /** It was sent, and its answer may have been lost. */
  isDoubtful: boolean;
  /** Sent over the connection that is up now. */
  isSent: boolean;
  /** Somebody asks the log about it; nothing is sent meanwhile. */
  isChecking: boolean;
  isSettled: boolean;
  /** The last "not now". */
  reason: string | null;
}

interface PubAck {
  seq?: number;
  duplicate?: boolean;
  error?: ApiError;
}

const decoder = new TextDecoder();

export class NatsAppender {
  readonly #link: NatsLink;
  readonly #inbox = createInbox();
  readonly #tokenAt: number;
  readonly #inFlight = new Map<number, Pending>();
  readonly #idle = new Set<() => void>();
  #isListening = false;
  #waiting: Pending[] = [];
  #waitingAt = 0;
  /** Those of them that are not settled. */
  #waitingCount = 0;
  #nextToken = 1;
  #timer: NodeJS.Timeout | undefined;
  readonly #onUp = () => this.#sendAllAgain();
  readonly #onDown = () => this.#doubtAll();
  readonly #onClosed = () => this.#failAll();

  constructor(link: NatsLink) {
    this.#link = link;
    this.#tokenAt = this.#inbox.length + 1;
    link.onUp.add(this.#onUp);
    link.onDown.add(this.#onDown);
    link.onClosed.add(this.#onClosed);
    link.onRefused.add((refusal) => this.#failRefused(refusal));
  }

  append(request: AppendRequest): Promise<Appended> {
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        stream: request.stream,
        subject: request.subject,
        signalId: request.signalId,
        dedupId: request.dedupId,
        expectLastSeq: request.expectLastSeq,
        timeoutMs: request.timeoutMs,
        content: { payload: request.payload, headers: toHeaders(request) },
        giveUpAt: performance.now() + request.timeoutMs,
        resolve,
        reject,
        token: 0,
        sendAgainAt: 0,
        silenceMs: FIRST_SILENCE_MS,
        pauseMs: FIRST_PAUSE_MS,
        isDoubtful: false,
        isSent: false,
        isChecking: false,
        isSettled: false,
        reason: null,
      };
      if (this.#waitingCount >= MAX_WAITING) return reject(tooMany(pending));
      this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
      if (this.#inFlight.size < MAX_IN_FLIGHT) return this.#start(pending);
      this.#waiting.push(pending);
      this.#waitingCount++;
    });
  }

  /** Resolves when nothing is in flight or queued. */
  async settled(): Promise<void> {
    while (this.#inFlight.size > 0) await new Promise<void>((resolve) => this.#idle.add(resolve));
  }

  #start(pending: Pending): void {
    // Subscribed on first use: a Synapse that never appends has no inbox.
    if (!this.#isListening) this.#listen();
    pending.token = this.#nextToken++;
    this.#inFlight.set(pending.token, pending);
    this.#send(pending);
  }

  #listen(): void {
    this.#isListening = true;
    this.#link.nc.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (!error) this.#onAnswer(message);
      },
    });
  }

  #send(pending: Pending): void {
    pending.sendAgainAt = performance.now() + pending.silenceMs;
    pending.silenceMs = Math.min(pending.silenceMs * 2, LONGEST_SILENCE_MS);
    pending.isSent = this.#link.isUp;
    const { content } = pending;
    // Sent while the link is down it would be thrown away; onUp sends it.
    if (!pending.isSent || !content) return;
    try {
      const reply = `${this.#inbox}.${pending.token}`;
      this.#link.outbox.send(pending.subject, content.payload, { reply, headers: content.headers });
    } catch (error) {
      // A closed connection ends all of them in a moment. Not at once: settling starts the next one, which may fail too.
      if (this.#link.nc.isClosed()) return;
      const failure = unavailable(pending, error instanceof Error ? error.message : String(error), error);
      queueMicrotask(() => this.#settle(pending, failure));
    }
  }

  #onAnswer(message: Msg): void {
    const pending = this.#inFlight.get(Number(message.subject.slice(this.#tokenAt)));
    if (!pending) return;
    const { data } = message;
    if (data.length === 0) return this.#later(pending, "no responders: is the log's stream there?");
    const ack = JSON.parse(decoder.decode(data)) as PubAck;
    if (ack.error) return this.#onRefusal(pending, ack.error);
    const appended = { seq: ack.seq!, duplicate: ack.duplicate === true };
    // A duplicate of itself is no duplicate: the caller has put it there once.
    if (appended.duplicate && pending.isDoubtful) this.#check(pending, () => this.#whoseIs(pending, appended.seq));
    else this.#settle(pending, appended);
  }

  #onRefusal(pending: Pending, error: ApiError): void {
    switch (error.err_code) {
      case API_CODE.wrongLastSequence:
        if (pending.isDoubtful || pending.dedupId !== undefined) break;
        return this.#settle(pending, new WrongLastSeqError(pending.expectLastSeq ?? 0, actualSeq(error)));
      case API_CODE.wrongLastSequenceInFlight:
        // Another append to the subject is not decided yet, perhaps our own first try.
        break;
      case API_CODE.duplicateInProcess:
      case API_CODE.tooManyRequests:
        return this.#later(pending, describeError(error));
      case API_CODE.insufficientResources:
        return this.#settle(pending, full(pending, error));
      case API_CODE.storeFailed:
        if (/leader|raft/i.test(error.description ?? "")) return this.#later(pending, describeError(error));
        return this.#settle(pending, full(pending, error));
      default:
        if (error.code === 503) return this.#later(pending, describeError(error));
        return this.#settle(pending, unavailable(pending, describeError(error)));
    }
    this.#check(pending, () => this.#lookAtSubject(pending));
  }

  /** The expectation was refused: by an entry of ours, or by one that is in the way? Null means: send it again. */
  async #lookAtSubject(pending: Pending): Promise<Appended | Error | null> {
    const place = await this.#inPlaceOf(pending);
    if (place && isSignal(place, pending.signalId)) return { seq: place.seq, duplicate: false };
    const head = await this.#get(pending, { last_by_subj: pending.subject });
    const headSeq = head?.seq ?? 0;
    // Servers disagree on what they look at first, the dedup id (2.10, 2.11) or the expectation (2.15): we, at the id.
    if (head && pending.dedupId !== undefined && head.dedupId === pending.dedupId) {
      return { seq: headSeq, duplicate: true };
    }
    if (headSeq === pending.expectLastSeq) return null;
    return new WrongLastSeqError(pending.expectLastSeq ?? 0, headSeq);
  }

  /**
   * What stands where ours was to be, when ours may be there. Not the head: there may be a copy of ours that somebody put behind
   * what others have written since.
   */
  async #inPlaceOf(pending: Pending): Promise<StoredBytes | null> {
    const { isDoubtful, expectLastSeq, subject } = pending;
    if (!isDoubtful || expectLastSeq === undefined) return null;
    return this.#get(pending, { next_by_subj: subject, seq: expectLastSeq + 1 });
  }

  async #whoseIs(pending: Pending, seq: number): Promise<Appended> {
    const entry = await this.#get(pending, { seq });
    return { seq, duplicate: !(entry && isSignal(entry, pending.signalId)) };
  }

  #get(pending: Pending, query: Parameters<typeof getStored>[2]): Promise<StoredBytes | null> {
    const timeoutMs = Math.max(1, pending.giveUpAt - performance.now());
    return getStored(this.#link, pending.stream, query, { timeoutMs });
  }

  #check(pending: Pending, look: () => Promise<Appended | Error | null>): void {
    if (pending.isChecking) return;
    pending.isChecking = true;
    void look()
      .catch((error: unknown) => unavailable(pending, error instanceof Error ? error.message : String(error), error))
      .then((result) => {
        pending.isChecking = false;
        if (result === null) this.#later(pending, "another append to the subject was in flight");
        else this.#settle(pending, result);
      });
  }

  #later(pending: Pending, reason: string): void {
    pending.reason = reason;
    pending.sendAgainAt = performance.now() + pending.pauseMs;
    pending.pauseMs = Math.min(pending.pauseMs * 2, LONGEST_PAUSE_MS);
    pending.silenceMs = FIRST_SILENCE_MS;
    pending.isSent = false;
  }

  #settle(pending: Pending, result: Appended | Error): void {
    if (pending.isSettled) return;
    pending.isSettled = true;
    // V8's Map leaves its outgrown tables to the next full collection, with all they hold.
    pending.content = null;
    if (result instanceof Error) pending.reject(result);
    else pending.resolve(result);
    if (!this.#inFlight.delete(pending.token)) return;
    const next = this.#takeWaiting();
    if (next) return this.#start(next);
    if (this.#inFlight.size > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }

  #takeWaiting(): Pending | undefined {
    while (this.#waitingAt < this.#waiting.length) {
      const next = this.#waiting[this.#waitingAt++]!;
      if (next.isSettled) continue;
      this.#waitingCount--;
      return next;
    }
    this.#waiting = [];
    this.#waitingAt = 0;
    return undefined;
  }

  #tick(): void {
    if (this.#inFlight.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const now = performance.now();
    for (const pending of this.#inFlight.values()) {
      if (now >= pending.giveUpAt) this.#settle(pending, tooLate(pending));
      else if (now >= pending.sendAgainAt && !pending.isChecking) {
        if (pending.isSent) pending.isDoubtful = true;
        this.#send(pending);
      }
    }
    for (let at = this.#waitingAt; at < this.#waiting.length; at++) {
      const pending = this.#waiting[at]!;
      if (pending.isSettled || now < pending.giveUpAt) continue;
      this.#waitingCount--;
      this.#settle(pending, tooLate(pending));
    }
  }

  #doubtAll(): void {
    for (const pending of this.#inFlight.values()) {
      if (pending.isSent) pending.isDoubtful = true;
      pending.isSent = false;
    }
  }

  #sendAllAgain(): void {
    for (const pending of this.#inFlight.values()) {
      pending.silenceMs = FIRST_SILENCE_MS;
      if (!pending.isChecking) this.#send(pending);
    }
  }

  /** Not permitted to send there, or to hear any answer: nothing that is on its way there was stored, or ever will be. */
  #failRefused({ operation, subject }: Refusal): void {
    const isDeaf = operation === "subscribe" && subject === `${this.#inbox}.*`;
    if (operation === "subscribe" && !isDeaf) return;
    if (isDeaf) this.#isListening = false;
    for (const pending of [...this.#inFlight.values()]) {
      if (!isDeaf && pending.subject !== subject) continue;
      const what = `${pending.signalId} cannot be put in ${pending.stream}`;
      this.#settle(pending, new NotPermittedError(what, operation, subject));
    }
  }

  #failAll(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    const all = [...this.#inFlight.values(), ...this.#waiting.slice(this.#waitingAt)];
    this.#waiting = [];
    this.#waitingAt = 0;
    this.#waitingCount = 0;
    for (const pending of all) this.#settle(pending, closedError());
  }
}

function isSignal(entry: StoredBytes, id: string): boolean {
  try {
    // A Signal, or the ticket of one.
    return (JSON.parse(decoder.decode(entry.bytes)) as { id?: unknown } | null)?.id === id;
  } catch {
    return false;
  }
}

/** `wrong last sequence: 5` */
function actualSeq(error: ApiError): number | null {
  const seq = /: (\d+)$/.exec(error.description ?? "")?.[1];
  return seq === undefined ? null : Number(seq);
}

function full(pending: Pending, error: ApiError): LogUnavailableError {
  return new LogUnavailableError(
    `the log ${pending.stream} is full: ${describeError(error)}; raise its max_bytes or the server's ` +
      `max_file_store, or let the recorder purge what is recorded`,
  );
}

function tooLate(pending: Pending): LogUnavailableError {
  const doubt = pending.isDoubtful || pending.isSent ? "it may be stored" : "it is not stored";
  return unavailable(pending, `no acknowledgement in ${pending.timeoutMs} ms; ${doubt}`);
}

function tooMany(pending: Pending): LogUnavailableError {
  const what = `${MAX_IN_FLIGHT} appends of this process are under way and ${MAX_WAITING} wait; await some before the next`;
  return unavailable(pending, `${what}; it is not stored`);
}

function unavailable(pending: Pending, what: string, cause?: unknown): LogUnavailableError {
  const reason = pending.reason === null ? "" : `; last answer: ${pending.reason}`;
  const message = `the log ${pending.stream} did not take ${pending.signalId}: ${what}${reason}`;
  return new LogUnavailableError(message, { cause });
}
