/**
 * Reading the log in order: an ephemeral consumer without acknowledgements, in memory, pulled in batches.
 *
 * It is thrown away and made again behind the last entry read whenever something is in doubt: a gap in its numbers, a pull
 * without an answer, a new connection. So an entry is never skipped and never read twice. Its deletion is not waited for
 * (that took 30 to 110 ms, for readings of 1 ms); one that is forgotten, or that we may not delete, is gone 30 s later.
 */
import { createInbox, nuid, type Msg, type Subscription } from "@nats-io/nats-core";
import { BusError, LogUnavailableError, NotPermittedError } from "../../protocol/errors.ts";
import { streamName, subjectFilter, type SubjectFilter } from "../../protocol/subjects.ts";
import type { LogEntry } from "../synapse.ts";
import { askApi, describeError } from "./nats-api.ts";
import { getStored, lastStored, parseDelivery, toLogEntry } from "./nats-entry.ts";
import { closedError, type NatsLink } from "./nats-link.ts";
import { GetReader, type ReadPlace } from "./nats-read-by-get.ts";
import type { NatsSession } from "./nats-session.ts";

const MS_NS = 1_000_000;
const BATCH = 500;
/** What a pull may bring at most: large entries do not fill the memory, nor a slow link so long that it seems silent. */
const BATCH_BYTES = 2 * 1024 * 1024;
const PULL_MS = 5_000;
const GRACE_MS = 500;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

export interface ReadRequest {
  readonly namespace: string;
  readonly filter: SubjectFilter;
  readonly fromSeq: number;
  readonly fromTime: Date | undefined;
  readonly follow: boolean;
  readonly signal: AbortSignal | undefined;
  /**
   * The entry that this one stands for; null when it stands for itself. `LogUnavailableError` means "not now": a reading that
   * follows asks again.
   */
  readonly whole: (entry: LogEntry) => Promise<LogEntry> | null;
}

export async function* readNats(session: NatsSession, request: ReadRequest): AsyncGenerator<LogEntry, void> {
  const { namespace, filter, fromSeq, fromTime, follow, signal, whole } = request;
  session.assertTaking();
  if (signal?.aborted) return;
  let end = Infinity;
  if (!follow) {
    // The leader's word, because a replica that lags would seem to end early.
    const last = await lastStored(session.link, namespace, filter);
    if (!last || last.seq < fromSeq || (fromTime && last.storedAt < fromTime)) return;
    end = last.seq;
  }
  const { link } = session;
  const place = {
    stream: streamName(namespace),
    subject: subjectFilter(namespace, "put", filter),
    fromSeq,
    fromTime,
  };
  let reader: LogReader | GetReader = link.withoutConsumers.has(place.stream)
    ? new GetReader(link, place)
    : new LogReader(link, place);
  const stop = () => reader.stop();
  signal?.addEventListener("abort", stop);
  const drained = session.own(() => Promise.resolve(stop()));
  try {
    while (!reader.isStopped) {
      const entry = reader.take();
      if (entry === null) {
        try {
          await reader.more({ patient: follow });
        } catch (error) {
          if (!(error instanceof NotPermittedError) || reader instanceof GetReader) throw error;
          reader.stop();
          link.withoutConsumers.add(place.stream);
          reader = new GetReader(link, { ...place, ...reader.rest });
          continue;
        }
        if (!follow && reader.isDry && !(await reader.hasMore())) return;
        continue;
      }
      // With a time given the server begins there, and knows nothing of the sequence.
      if (entry.seq >= fromSeq && entry.seq <= end) {
        const coming = whole(entry);
        const result = coming ? await arrival(entry, coming) : entry;
        if (result === null) break;
        yield result;
      }
      if (entry.seq >= end) return;
    }
    // Stopped by the drain: what follows is left to whoever reads again, but who reads to an end must know that this is none.
    if (!follow && !signal?.aborted) throw closedError();
  } finally {
    signal?.removeEventListener("abort", stop);
    void drained();
  }

  /** Null when the reading was stopped before it came. */
  async function arrival(entry: LogEntry, coming: Promise<LogEntry>): Promise<LogEntry | null> {
    for (;;) {
      try {
        return await coming;
      } catch (error) {
        if (!follow || !(error instanceof LogUnavailableError)) throw error;
        await reader.pause(LONGEST_PAUSE_MS);
        if (reader.isStopped) return null;
        coming = whole(entry)!;
      }
    }
  }
}

/** One reading's consumer on the server, and its buffer. */
class LogReader {
  isStopped = false;
  /** A pull has ended, and there is nothing to take. */
  isDry = false;
  readonly #link: NatsLink;
  readonly #stream: string;
  readonly #subject: string;
  #nextSeq: number;
  /** Until the first entry: begin there, not at `#nextSeq`. */
  #fromTime: Date | undefined;
  #name = "";
  #inbox = "";
  #subscription: Subscription | undefined;
  #consumerSeq = 0;
  #entries: LogEntry[] = [];
  #at = 0;
  /** What the pulls that run may still bring. */
  #outstanding = 0;
  /** When something was last asked for or brought. */
  #heardAt = 0;
  /** How often in a row the consumer was given up without an entry. */
  #doubts = 0;
  #timer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;
  #making: Promise<Error | undefined> | undefined;
  #endPause: (() => void) | undefined;
  readonly #onConnection = () => this.#doubt();

  constructor(link: NatsLink, { stream, subject, fromSeq, fromTime }: ReadPlace) {
    this.#link = link;
    this.#stream = stream;
    this.#subject = subject;
    this.#nextSeq = fromSeq;
    this.#fromTime = fromTime;
    link.onDown.add(this.#onConnection);
    link.onUp.add(this.#onConnection);
    link.onClosed.add(this.#onConnection);
  }

  /** What is left to read. */
  get rest(): Pick<ReadPlace, "fromSeq" | "fromTime"> {
    return { fromSeq: this.#nextSeq, fromTime: this.#fromTime };
  }

  /** The next entry, if it is here already. */
  take(): LogEntry | null {
    if (this.#at >= this.#entries.length) return null;
    const entry = this.#entries[this.#at++]!;
    this.#nextSeq = entry.seq + 1;
    this.#fromTime = undefined;
    this.#pull();
    return entry;
  }

  /**
   * Resolves when there may be something to take, or a reason to look: an entry, a stop, the end of a pull. `patient` tries
   * for ever to get a consumer; otherwise rejects with `LogUnavailableError`.
   */
  async more({ patient }: { patient: boolean }): Promise<void> {
    this.isDry = false;
    if (this.#link.isClosed) this.stop();
    if (this.isStopped) return;
    const woken = new Promise<void>((resolve) => (this.#wake = resolve));
    if (!this.#subscription) {
      const failure = await Promise.race([this.#ensureConsumer(), woken]);
      if (this.isStopped) return;
      if (failure instanceof Error) {
        if (!patient || !(failure instanceof LogUnavailableError)) throw failure;
        this.#doubts++;
        return;
      }
    }
    this.#pull();
    if (this.#at >= this.#entries.length && this.#subscription) await woken;
  }

  /** Asks the leader whether anything is left to read, when a pull has ended without it. */
  async hasMore(): Promise<boolean> {
    const next = { next_by_subj: this.#subject, seq: this.#nextSeq };
    if ((await getStored(this.#link, this.#stream, next)) === null) return false;
    // Its delivery was lost, and this consumer counts it as brought. With nothing behind it no gap would tell.
    if (this.isDry) this.#doubt();
    return true;
  }

  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.#forget();
    this.#link.onDown.delete(this.#onConnection);
    this.#link.onUp.delete(this.#onConnection);
    this.#link.onClosed.delete(this.#onConnection);
    this.#wake?.();
    this.#endPause?.();
  }

  /** One at a time: a wake-up in the middle of it begins no second one. */
  #ensureConsumer(): Promise<Error | undefined> {
    this.#making ??= this.#make()
      .then(
        () => undefined,
        (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
      )
      .finally(() => (this.#making = undefined));
    return this.#making;
  }

  async #make(): Promise<void> {
    if (this.#doubts > 0) await this.pause(Math.min(FIRST_PAUSE_MS * 2 ** this.#doubts, LONGEST_PAUSE_MS));
    if (this.isStopped) return;
    const name = `read_${nuid.next()}`;
    const config = {
      name,
      ...(this.#fromTime
        ? { deliver_policy: "by_start_time", opt_start_time: this.#fromTime.toISOString() }
        : { deliver_policy: "by_start_sequence", opt_start_seq: this.#nextSeq }),
      ack_policy: "none",
      filter_subject: this.#subject,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: 30_000 * MS_NS,
    };
    const create = { stream_name: this.#stream, config, action: "create" };
    const subject = `$JS.API.CONSUMER.CREATE.${this.#stream}.${name}.${this.#subject}`;
    const made = await askApi(this.#link, subject, create);
    if (!made.ok) {
      throw new BusError("LOG_CONFIG", `the stream ${this.#stream} cannot be read: ${describeError(made.error)}`);
    }
    if (this.isStopped) return this.#delete(name);
    this.#name = name;
    this.#inbox = createInbox();
    const subscription = this.#link.nc.subscribe(this.#inbox, {
      callback: (error, message) => {
        if (!error && subscription === this.#subscription) this.#onMessage(message);
      },
    });
    this.#subscription = subscription;
    this.#consumerSeq = 0;
    this.#timer = setInterval(() => this.#checkPull(), GRACE_MS);
  }

  /** Keeps one pull ahead of the reader: the next is asked for when half of the last one is here. */
  #pull(): void {
    if (!this.#subscription || !this.#link.isUp) return;
    if (this.#outstanding >= BATCH / 2 || this.#entries.length - this.#at >= BATCH) return;
    this.#outstanding += BATCH;
    this.#heardAt = performance.now();
    const maxBytes = Math.max(BATCH_BYTES, 2 * this.#link.maxPayloadBytes);
    this.#link.outbox.send(
      `$JS.API.CONSUMER.MSG.NEXT.${this.#stream}.${this.#name}`,
      `{"batch":${BATCH},"max_bytes":${maxBytes},"expires":${PULL_MS * MS_NS}}`,
      { reply: this.#inbox },
    );
  }

  #onMessage(message: Msg): void {
    if (message.subject === this.#inbox) return this.#onStatus(message);
    const info = parseDelivery(message.reply ?? "");
    if (!info || info.consumerSeq !== this.#consumerSeq + 1) return this.#doubt();
    this.#consumerSeq = info.consumerSeq;
    this.#doubts = 0;
    this.#outstanding--;
    if (this.#at === this.#entries.length) {
      this.#entries = [];
      this.#at = 0;
    }
    this.#entries.push(toLogEntry(message, info));
    this.#wake?.();
  }

  #onStatus(message: Msg): void {
    const code = message.headers?.code ?? 0;
    const undelivered = Number(message.headers?.get("Nats-Pending-Messages") || Number.NaN);
    // A pull is over: in time, or because it has brought its bytes (`Message Size Exceeds MaxBytes`) or its batch.
    const isOver = code === 404 || code === 408 || (code === 409 && /bytes|batch/i.test(message.headers!.description));
    if (!isOver || Number.isNaN(undelivered)) return this.#doubt();
    this.#outstanding -= undelivered;
    this.isDry = this.#at >= this.#entries.length;
    this.#heardAt = performance.now();
    this.#wake?.();
  }

  #checkPull(): void {
    if (this.#outstanding > 0 && performance.now() - this.#heardAt > PULL_MS + GRACE_MS) this.#doubt();
  }

  /** What was read stays read; the rest comes from a new consumer. */
  #doubt(): void {
    if (this.#subscription) this.#doubts++;
    this.#entries.length = Math.min(this.#entries.length, this.#at);
    this.#forget();
    this.#wake?.();
  }

  #forget(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#outstanding = 0;
    if (!this.#subscription) return;
    this.#subscription.unsubscribe();
    this.#subscription = undefined;
    this.#delete(this.#name);
  }

  /** Ends early when the reading is stopped. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #delete(name: string): void {
    if (!this.#link.isUp || this.#link.mayNotDelete) return;
    // The answer goes where nobody listens.
    this.#link.outbox.send(`$JS.API.CONSUMER.DELETE.${this.#stream}.${name}`, "", { reply: createInbox() });
  }
}
