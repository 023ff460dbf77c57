/** NatsBus: one namespace on one connection. Every part of it has a file of its own; here they meet. */
import { NotPermittedError, PayloadTooLargeError } from "../../protocol/errors.ts";
import { parseNeuronId } from "../../protocol/ids.ts";
import { parseSignal, toSignalText, type Signal } from "../../protocol/signal.ts";
import { streamName, subjectFilter, subjectOf, type SubjectFilter } from "../../protocol/subjects.ts";
import type {
  AppendOptions,
  Appended,
  Bus,
  BusProblem,
  ConsumeOptions,
  Consumption,
  KeyValue,
  LogEntry,
  LogInfo,
  OpenOptions,
  PutKeyOptions,
  ReadOptions,
  SignalHandler,
  Subscription,
  TaskHandler,
  TaskSource,
} from "../synapse.ts";
import { consumeNats } from "./nats-consumer.ts";
import { firstStored, getStored, lastStored, type StoredBytes } from "./nats-entry.ts";
import { HEADER_BYTES } from "./nats-headers.ts";
import { NatsKeys } from "./nats-keys.ts";
import { NatsLargeSignals } from "./nats-large.ts";
import { NatsObjects } from "./nats-objects.ts";
import { assertPositive, assertWhole } from "./nats-options.ts";
import { readNats } from "./nats-read.ts";
import type { Refusal } from "./nats-link.ts";
import type { NatsSession } from "./nats-session.ts";
import { purgeStream, streamInfo } from "./nats-stream.ts";
import { subscribeNats } from "./nats-subscribe.ts";

const DEFAULT_APPEND_TIMEOUT_MS = 5_000;
const DEFAULT_ACK_WAIT_MS = 30_000;
const OBJECT_TIMEOUT_MS = 60_000;

export class NatsBus implements Bus {
  readonly namespace: string;
  readonly #session: NatsSession;
  readonly #keys: NatsKeys;
  readonly #objects: NatsObjects;
  readonly #large: NatsLargeSignals;
  readonly #onProblem: (problem: BusProblem) => void;

  constructor(namespace: string, session: NatsSession, options: OpenOptions) {
    this.namespace = namespace;
    this.#session = session;
    this.#objects = new NatsObjects(session, namespace);
    this.#keys = new NatsKeys(session, namespace, this.#objects);
    this.#large = new NatsLargeSignals(this.#objects, session.options.maxPayloadBytes);
    this.#onProblem = options.onProblem ?? (() => {});
    if (options.onProblem) session.link.onRefused.add((refusal) => this.#onRefused(refusal));
  }

  get maxPayloadBytes(): number {
    return this.#session.options.maxPayloadBytes;
  }

  async append(signal: Signal, options: AppendOptions = {}): Promise<Appended> {
    const { dedupId, expectLastSeq, timeoutMs = DEFAULT_APPEND_TIMEOUT_MS } = options;
    if (expectLastSeq !== undefined) assertWhole("expectLastSeq", expectLastSeq, 0);
    assertPositive("timeoutMs", timeoutMs);
    const text = this.#encode(signal);
    const appendPayload = (payload: string | Uint8Array) =>
      this.#session.appender.append({
        stream: streamName(this.namespace),
        subject: subjectOf(this.namespace, "put", signal),
        payload,
        signalId: signal.id,
        dedupId,
        expectLastSeq,
        timeoutMs,
      });
    if (this.#fits(text)) return appendPayload(text);
    return this.#session.during(async () =>
      appendPayload(await this.#large.store(signal, Buffer.from(text), timeoutMs)),
    );
  }

  publish(signal: Signal): void {
    const text = this.#encode(signal);
    const { link } = this.#session;
    const subject = subjectOf(this.namespace, "live", signal);
    // Away: nobody listens, and the client would only keep it to throw it away.
    const send = (payload: string | Uint8Array) => {
      if (link.isUp) link.outbox.send(subject, payload);
    };
    if (this.#fits(text)) return send(text);
    void this.#session.during(async () => {
      try {
        send(await this.#large.store(signal, Buffer.from(text), DEFAULT_APPEND_TIMEOUT_MS));
      } catch (error) {
        this.#onProblem({ type: "publish-error", subject, error });
      }
    });
  }

  async subscribe(
    channel: "log" | "live",
    filter: SubjectFilter,
    handler: SignalHandler,
    options: { queue?: string | undefined } = {},
  ): Promise<Subscription> {
    this.#session.assertTaking();
    const subject = subjectFilter(this.namespace, channel, filter);
    const request = { channel, subject, queue: options.queue, large: this.#large, onProblem: this.#onProblem };
    return subscribeNats(this.#session, request, handler);
  }

  async consume(source: TaskSource, handler: TaskHandler, options: ConsumeOptions = {}): Promise<Consumption> {
    this.#session.assertTaking();
    const { ackWaitMs = DEFAULT_ACK_WAIT_MS } = options;
    assertWhole("ackWaitMs", ackWaitMs, 100);
    const request = {
      namespace: this.namespace,
      neuronId: parseNeuronId(source.neuronId),
      lane: source.lane,
      ackWaitMs,
      large: this.#large,
      onProblem: this.#onProblem,
    };
    return consumeNats(this.#session, request, handler);
  }

  read(filter: SubjectFilter, options: ReadOptions = {}): AsyncIterable<LogEntry> {
    const { fromSeq = 1, fromTime, follow = false, signal } = options;
    assertWhole("fromSeq", fromSeq, 0);
    return readNats(this.#session, {
      namespace: this.namespace,
      filter,
      fromSeq: Math.max(1, fromSeq),
      fromTime,
      follow,
      signal,
      whole: (entry) => this.#whole(entry),
    });
  }

  async lastOf(filter: SubjectFilter): Promise<LogEntry | null> {
    this.#session.assertOpen();
    return this.#toEntry(await lastStored(this.#session.link, this.namespace, filter));
  }

  async firstOf(
    filter: SubjectFilter,
    { fromSeq = 1 }: { fromSeq?: number | undefined } = {},
  ): Promise<LogEntry | null> {
    this.#session.assertOpen();
    assertWhole("fromSeq", fromSeq, 0);
    return this.#toEntry(await firstStored(this.#session.link, this.namespace, filter, Math.max(1, fromSeq)));
  }

  async get(seq: number): Promise<LogEntry | null> {
    this.#session.assertOpen();
    assertWhole("seq", seq, 0);
    // The server reads 0 as "no sequence given" and refuses.
    return seq === 0 ? null : this.#toEntry(await getStored(this.#session.link, streamName(this.namespace), { seq }));
  }

  async info(): Promise<LogInfo> {
    this.#session.assertOpen();
    const { created, state } = await streamInfo(this.#session.link, this.namespace);
    return {
      stream: streamName(this.namespace),
      createdAt: new Date(created),
      firstSeq: state.first_seq,
      lastSeq: state.last_seq,
      bytes: state.bytes,
    };
  }

  async purge(beforeSeq: number): Promise<void> {
    this.#session.assertOpen();
    assertWhole("beforeSeq", beforeSeq, 0);
    await purgeStream(this.#session.link, this.namespace, beforeSeq);
  }

  async getKey(key: string): Promise<KeyValue | null> {
    this.#session.assertOpen();
    return this.#keys.get(key);
  }

  async putKey(key: string, bytes: Uint8Array, options: PutKeyOptions): Promise<number> {
    this.#session.assertOpen();
    const { expectRevision, timeoutMs = DEFAULT_APPEND_TIMEOUT_MS } = options;
    assertWhole("expectRevision", expectRevision, 0);
    assertPositive("timeoutMs", timeoutMs);
    return this.#session.during(() => this.#keys.put(key, bytes, expectRevision, timeoutMs));
  }

  async putObject(bytes: Uint8Array): Promise<string> {
    this.#session.assertOpen();
    return this.#session.during(() => this.#objects.put(bytes.slice(), OBJECT_TIMEOUT_MS));
  }

  async getObject(reference: string): Promise<Uint8Array> {
    this.#session.assertOpen();
    return this.#objects.get(reference, OBJECT_TIMEOUT_MS);
  }

  /** Live Signals, pulls and acknowledgements: nobody waits for what becomes of them. The rest is told to whoever waits. */
  #onRefused({ operation, subject }: Refusal): void {
    const mine = [`myelin.${this.namespace}.live.`, ...unawaitedSubjects(streamName(this.namespace))];
    if (operation !== "publish" || !mine.some((prefix) => subject.startsWith(prefix))) return;
    const error = new NotPermittedError(`refused in namespace ${this.namespace}`, operation, subject);
    this.#onProblem({ type: "not-permitted", subject, error });
  }

  #encode(signal: Signal): string {
    this.#session.assertOpen();
    const text = toSignalText(signal);
    if (fits(text, this.maxPayloadBytes)) return text;
    throw new PayloadTooLargeError(`${signal.type} ${signal.id}`, Buffer.byteLength(text), this.maxPayloadBytes);
  }

  /** True when it fits one message, beside its headers. */
  #fits(text: string): boolean {
    return fits(text, this.#session.link.maxPayloadBytes - HEADER_BYTES);
  }

  /** An entry as the contract shows it. */
  async #toEntry(stored: StoredBytes | null): Promise<LogEntry | null> {
    if (!stored) return null;
    const { seq, storedAt, subject, bytes } = stored;
    const entry = { seq, storedAt, subject, bytes, parsed: parseSignal(bytes) };
    return this.#whole(entry) ?? entry;
  }

  /** The entry with its whole Signal, if it has only a ticket. */
  #whole(entry: LogEntry): Promise<LogEntry> | null {
    const coming = this.#large.fetch(entry.bytes, entry.parsed);
    return coming && coming.then((whole) => ({ ...entry, ...whole }));
  }
}

/** Whether a text has at most so many bytes. A character has three at most, so that few are counted. */
const fits = (text: string, maxBytes: number): boolean =>
  text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes;

const unawaitedSubjects = (stream: string): string[] => [`$JS.API.CONSUMER.MSG.NEXT.${stream}.`, `$JS.ACK.${stream}.`];
