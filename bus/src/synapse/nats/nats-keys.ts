/**
 * NatsKeys: the keys of a namespace, in a stream that holds the last message of each subject. Made on first use, so that a
 * process that needs none pays nothing.
 *
 * A put is an append that expects the last sequence of its subject, by the same appender. Each carries an id of its own, by
 * which one whose acknowledgement was lost is recognised: two callers may well put the same bytes. A value that is too large
 * for a message is an object.
 */
import { nuid } from "@nats-io/nats-core";
import { PayloadTooLargeError } from "../../protocol/errors.ts";
import { keyStreamName, keySubject } from "../../protocol/subjects.ts";
import type { KeyValue } from "../synapse.ts";
import { getStored } from "./nats-entry.ts";
import { HEADER_BYTES } from "./nats-headers.ts";
import type { NatsObjects } from "./nats-objects.ts";
import type { NatsSession } from "./nats-session.ts";
import { ensureKeys } from "./nats-stream.ts";
import { onceDone } from "./once-done.ts";

const FETCH_MS = 15_000;
/** How the id of a put begins: with what it holds, the value, or the name of the object that is the value. */
const VALUE = "put_";
const REFERENCE = "ref_";

export class NatsKeys {
  readonly #session: NatsSession;
  readonly #namespace: string;
  readonly #stream: string;
  readonly #objects: NatsObjects;
  readonly #ensure: () => Promise<void>;

  constructor(session: NatsSession, namespace: string, objects: NatsObjects) {
    this.#session = session;
    this.#namespace = namespace;
    this.#ensure = onceDone(() => ensureKeys(session.link, namespace, session.options));
    this.#stream = keyStreamName(namespace);
    this.#objects = objects;
  }

  async get(key: string): Promise<KeyValue | null> {
    const subject = keySubject(this.#namespace, key);
    const query = { last_by_subj: subject };
    const stored = await getStored(this.#session.link, this.#stream, query, { mayBeMissing: true });
    if (stored === null) return null;
    const bytes = stored.dedupId?.startsWith(REFERENCE) ? await this.#fetch(stored.bytes) : stored.bytes;
    return { bytes, revision: stored.seq };
  }

  async put(key: string, bytes: Uint8Array, expectRevision: number, timeoutMs: number): Promise<number> {
    const subject = keySubject(this.#namespace, key);
    const { maxPayloadBytes } = this.#session.options;
    if (bytes.length > maxPayloadBytes) {
      throw new PayloadTooLargeError(`the value of key ${key}`, bytes.length, maxPayloadBytes);
    }
    // The caller may change its bytes while they wait.
    const copy = bytes.slice();
    await this.#ensure();
    const isLarge = copy.length > this.#session.link.maxPayloadBytes - HEADER_BYTES;
    const value = isLarge ? Buffer.from(await this.#objects.put(copy, timeoutMs)) : copy;
    const { seq } = await this.#session.appender.append({
      stream: this.#stream,
      subject,
      payload: value,
      signalId: `key ${key}`,
      dedupId: `${isLarge ? REFERENCE : VALUE}${nuid.next()}`,
      expectLastSeq: expectRevision,
      timeoutMs,
    });
    return seq;
  }

  #fetch(reference: Uint8Array): Promise<Uint8Array> {
    return this.#objects.get(new TextDecoder().decode(reference), FETCH_MS, this.#session.options.maxPayloadBytes);
  }
}
