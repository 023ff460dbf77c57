/**
 * NatsKeys: the keys of a namespace, in a stream that holds the last message of each subject. Made on first use, so that a
 * process that needs none pays nothing.
 *
 * A put is an append that expects the last sequence of its subject, by the same appender. Each carries an id of its own, by
 * which one whose acknowledgement was lost is recognised: two callers may well put the same bytes.
 */
import { nuid } from "@nats-io/nats-core";
import { PayloadTooLargeError } from "../../protocol/errors.ts";
import { keyStreamName, keySubject } from "../../protocol/subjects.ts";
import type { KeyValue } from "../synapse.ts";
import { getStored } from "./nats-entry.ts";
import { HEADER_BYTES } from "./nats-headers.ts";
import type { NatsSession } from "./nats-session.ts";
import { ensureKeys } from "./nats-stream.ts";

export class NatsKeys {
  readonly #session: NatsSession;
  readonly #namespace: string;
  readonly #stream: string;
  #ready: Promise<void> | undefined;

  constructor(session: NatsSession, namespace: string) {
    this.#session = session;
    this.#namespace = namespace;
    this.#stream = keyStreamName(namespace);
  }

  async get(key: string): Promise<KeyValue | null> {
    const subject = keySubject(this.#namespace, key);
    await this.#ensure();
    const stored = await getStored(this.#session.link, this.#stream, { last_by_subj: subject });
    return stored && { bytes: stored.bytes, revision: stored.seq };
  }

  async put(key: string, bytes: Uint8Array, expectRevision: number, timeoutMs: number): Promise<number> {
    const subject = keySubject(this.#namespace, key);
    const maxBytes = this.#session.link.maxPayloadBytes - HEADER_BYTES;
    if (bytes.length > maxBytes) throw new PayloadTooLargeError(`the value of key ${key}`, bytes.length, maxBytes);
    // The caller may change its bytes while they wait.
    const copy = bytes.slice();
    await this.#ensure();
    const { seq } = await this.#session.appender.append({
      stream: this.#stream,
      subject,
      bytes: copy,
      signalId: `key ${key}`,
      dedupId: `put_${nuid.next()}`,
      expectLastSeq: expectRevision,
      timeoutMs,
    });
    return seq;
  }

  #ensure(): Promise<void> {
    if (!this.#ready) {
      this.#ready = ensureKeys(this.#session.link, this.#namespace, this.#session.options);
      // What failed is tried again by the next.
      this.#ready.catch(() => (this.#ready = undefined));
    }
    return this.#ready;
  }
}
