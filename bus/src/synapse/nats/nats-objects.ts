/** Objects beside the log: an object store of the namespace, made on first use. Named by their content, so never changed. */
import { createHash } from "node:crypto";
import { jetstream } from "@nats-io/jetstream";
import { Objm, type ObjectStore } from "@nats-io/obj";
import { BusError, LogUnavailableError } from "../../protocol/errors.ts";
import { streamName } from "../../protocol/subjects.ts";
import type { NatsLink } from "./nats-link.ts";
import type { ResolvedNatsOptions } from "./nats-options.ts";

/** The client waits for ever for an object whose connection is gone. */
const TIMEOUT_MS = 60_000;
const REFERENCE = /^obj_[0-9a-f]{64}$/;

export class NatsObjects {
  readonly #link: NatsLink;
  readonly #namespace: string;
  readonly #options: ResolvedNatsOptions;
  #store: Promise<ObjectStore> | undefined;

  constructor(link: NatsLink, namespace: string, options: ResolvedNatsOptions) {
    this.#link = link;
    this.#namespace = namespace;
    this.#options = options;
  }

  async put(bytes: Uint8Array): Promise<string> {
    const name = `obj_${createHash("sha256").update(bytes).digest("hex")}`;
    return this.#during(`storing ${name}`, async (store) => {
      const known = await store.info(name);
      if (!known || known.deleted) await store.putBlob({ name }, bytes);
      return name;
    });
  }

  async get(reference: string): Promise<Uint8Array> {
    const bytes = REFERENCE.test(reference)
      ? await this.#during(`reading ${reference}`, (store) => store.getBlob(reference))
      : null;
    // Not the client's Buffer, which may be a view of its pool.
    if (bytes) return new Uint8Array(bytes);
    throw new BusError("OBJECT_NOT_FOUND", `no object is stored as ${JSON.stringify(reference.slice(0, 80))}`);
  }

  async #during<T>(what: string, work: (store: ObjectStore) => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer in ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
    });
    try {
      this.#store ??= this.#open();
      return await Promise.race([this.#store.then(work), tooLate]);
    } catch (cause) {
      this.#store = undefined;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new LogUnavailableError(`${what} beside ${streamName(this.#namespace)} failed: ${reason}`, { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  #open(): Promise<ObjectStore> {
    const objects = new Objm(jetstream(this.#link.nc, { timeout: 5_000 }));
    return objects.create(streamName(this.#namespace), { replicas: this.#options.replicas });
  }
}
