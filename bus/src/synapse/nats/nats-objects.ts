/**
 * NatsObjects: bytes beside the log, named by their content, in a JetStream object store that is made on first use.
 *
 * An object is its parts, messages of one subject, and one message that says which subject that is, and where they are.
 * Parts are written by the appender, and read by asking the leader for each: sent and asked again when an answer is lost,
 * never stale, and without a consumer or the permission to make one. The client's own object store, which reads what is
 * written here, waits for each part before it sends the next, counts SHA-256 in JavaScript, and waits for ever for what a
 * lost connection will not bring: 16 MiB took it three times as long, and five times the CPU.
 *
 * Nothing is ever deleted: what was left behind, or replaced, expires. What comes is checked against the name, so whoever
 * can write here can make an object unreadable, and no more.
 */
import { createHash } from "node:crypto";
import { nuid } from "@nats-io/nats-core";
import { BusError, LogUnavailableError, PayloadTooLargeError } from "../../protocol/errors.ts";
import { objectInfoSubject, objectPartSubject, objectStreamName, streamName } from "../../protocol/subjects.ts";
import { isObjectReference } from "../../protocol/ticket.ts";
import { getStored } from "./nats-entry.ts";
import { HEADER_BYTES } from "./nats-headers.ts";
import type { NatsSession } from "./nats-session.ts";
import { ensureObjects } from "./nats-stream.ts";
import { onceDone } from "./once-done.ts";

const PART_BYTES = 256 * 1024;
/** Parts on their way at once, so that what others append in the meantime is not behind all of them. */
const PARTS_AT_ONCE = 8;
/** Stored this recently, it need not be stored again to last. */
const FRESH_MS = 10 * 60_000;
/** Two parts were stored in the wrong order, or somebody has just stored it anew: rare, and over the next time. */
const TRIES = 3;
const PAUSE_MS = 200;

/** As the other clients of the object store write it, and where the parts are. */
interface ObjectInfo {
  readonly nuid: string;
  readonly size: number;
  readonly parts: readonly number[];
  readonly deleted?: boolean;
}

export class NatsObjects {
  readonly #session: NatsSession;
  readonly #namespace: string;
  readonly #stream: string;
  readonly #ensure: () => Promise<void>;

  constructor(session: NatsSession, namespace: string) {
    this.#session = session;
    this.#namespace = namespace;
    this.#ensure = onceDone(() => ensureObjects(session.link, namespace, session.options));
    this.#stream = objectStreamName(namespace);
  }

  /** Store bytes, which must not change meanwhile. Rejects with `LogUnavailableError`. */
  async put(bytes: Uint8Array, timeoutMs: number): Promise<string> {
    const reference = referenceOf(bytes);
    const giveUpAt = performance.now() + timeoutMs;
    const leftMs = () => Math.max(1, giveUpAt - performance.now());
    try {
      await this.#ensure();
      const known = await this.#find(reference, leftMs());
      const freshMs = Math.min(FRESH_MS, this.#session.options.objectMaxAgeMs / 10);
      if (known?.size === bytes.length && Date.now() - known.storedAt.getTime() < freshMs) return reference;
      for (let tries = 1; ; tries++) {
        const partsId = nuid.next();
        const parts = await this.#putParts(reference, partsId, bytes, leftMs);
        if (parts) {
          await this.#putInfo(reference, { nuid: partsId, size: bytes.length, parts }, leftMs());
          return reference;
        }
        if (tries === TRIES) throw new Error("its parts were stored out of order");
      }
    } catch (cause) {
      throw this.#failure(`storing ${reference}`, cause);
    }
  }

  /**
   * The bytes of a reference. Rejects with `OBJECT_NOT_FOUND` (or what is there is another), `PAYLOAD_TOO_LARGE` (above
   * `maxBytes`) or `LogUnavailableError` (nobody can say, within `timeoutMs`).
   */
  async get(reference: string, timeoutMs: number, maxBytes = Infinity): Promise<Uint8Array> {
    const shown = JSON.stringify(String(reference).slice(0, 80));
    if (!isObjectReference(reference)) throw new BusError("OBJECT_NOT_FOUND", `no object is stored as ${shown}`);
    const giveUpAt = performance.now() + timeoutMs;
    const leftMs = () => Math.max(1, giveUpAt - performance.now());
    for (let tries = 1; ; tries++) {
      try {
        const info = await this.#find(reference, leftMs());
        if (info === null) throw new BusError("OBJECT_NOT_FOUND", `no object is stored as ${shown}`);
        if (info.size > maxBytes) throw new PayloadTooLargeError(`the object ${reference}`, info.size, maxBytes);
        const bytes = await this.#getParts(info, leftMs);
        if (bytes && referenceOf(bytes) === reference) return bytes;
      } catch (cause) {
        if (cause instanceof BusError && !(cause instanceof LogUnavailableError)) throw cause;
        throw this.#failure(`reading ${reference}`, cause);
      }
      if (tries === TRIES)
        throw new BusError("OBJECT_NOT_FOUND", `what is stored as ${shown} is not what it is called`);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  /** The sequences of the parts; null when they do not lie in their order. */
  async #putParts(
    reference: string,
    partsId: string,
    bytes: Uint8Array,
    leftMs: () => number,
  ): Promise<number[] | null> {
    const subject = objectPartSubject(this.#namespace, partsId);
    const partBytes = Math.min(PART_BYTES, this.#session.link.maxPayloadBytes - HEADER_BYTES);
    const offsets = Array.from({ length: Math.ceil(bytes.length / partBytes) }, (_, at) => at * partBytes);
    const seqs = await aFewAtOnce(offsets, async (at) => {
      const { seq } = await this.#session.appender.append({
        stream: this.#stream,
        subject,
        payload: bytes.subarray(at, at + partBytes),
        signalId: `a part of ${reference}`,
        dedupId: `${partsId}.${at}`,
        expectLastSeq: undefined,
        timeoutMs: leftMs(),
      });
      return seq;
    });
    return seqs.every((seq, at) => at === 0 || seq > seqs[at - 1]!) ? seqs : null;
  }

  async #putInfo(reference: string, object: ObjectInfo, timeoutMs: number): Promise<void> {
    const sha256 = Buffer.from(reference.slice("obj_".length), "hex").toString("base64");
    const info = {
      name: reference,
      bucket: streamName(this.#namespace),
      ...object,
      chunks: object.parts.length,
      digest: `SHA-256=${sha256.replaceAll("+", "-").replaceAll("/", "_")}`,
      mtime: new Date().toISOString(),
      deleted: false,
    };
    await this.#session.appender.append({
      stream: this.#stream,
      subject: objectInfoSubject(this.#namespace, reference),
      payload: JSON.stringify(info),
      signalId: reference,
      dedupId: object.nuid,
      expectLastSeq: undefined,
      replaces: true,
      timeoutMs,
    });
  }

  async #find(reference: string, timeoutMs: number): Promise<(ObjectInfo & { storedAt: Date }) | null> {
    const query = { last_by_subj: objectInfoSubject(this.#namespace, reference) };
    const stored = await getStored(this.#session.link, this.#stream, query, { timeoutMs, mayBeMissing: true });
    const info = stored && parseInfo(stored.bytes);
    return info && !info.deleted ? { ...info, storedAt: stored.storedAt } : null;
  }

  /** Null when there is less, or more, than there should be. */
  async #getParts({ size, parts }: ObjectInfo, leftMs: () => number): Promise<Uint8Array | null> {
    let length = 0;
    const all = await aFewAtOnce(parts, async (seq) => {
      if (length > size) return null;
      const part = await getStored(this.#session.link, this.#stream, { seq }, { timeoutMs: leftMs() });
      length += part?.bytes.length ?? 0;
      return part?.bytes ?? null;
    });
    const found = all.filter((part) => part !== null);
    if (length !== size || found.length < parts.length) return null;
    // Not the Buffer, which may be a view of Node's pool.
    return new Uint8Array(Buffer.concat(found));
  }

  #failure(what: string, cause: unknown): BusError {
    if (cause instanceof BusError && !(cause instanceof LogUnavailableError)) return cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new LogUnavailableError(`${what} beside ${streamName(this.#namespace)} failed: ${reason}`, { cause });
  }
}

/** Do something for each, in order, and a few at the same time. */
async function aFewAtOnce<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < all.length; at += PARTS_AT_ONCE) {
    results.push(...(await Promise.all(all.slice(at, at + PARTS_AT_ONCE).map(work))));
  }
  return results;
}

const referenceOf = (bytes: Uint8Array): string => `obj_${createHash("sha256").update(bytes).digest("hex")}`;

/** Null when it is not one: anybody with the permission may have put it there. */
function parseInfo(bytes: Uint8Array): ObjectInfo | null {
  try {
    const info = JSON.parse(Buffer.from(bytes).toString()) as Partial<ObjectInfo> | null;
    const isSeq = (value: unknown) => Number.isSafeInteger(value) && (value as number) > 0;
    const { size, parts } = info ?? {};
    const isWhole = Number.isSafeInteger(size) && size! >= 0 && Array.isArray(parts) && parts.every(isSeq);
    return isWhole ? (info as ObjectInfo) : null;
  } catch {
    return null;
  }
}
