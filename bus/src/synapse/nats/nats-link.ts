/**
 * NatsLink: the one connection behind a Synapse, and what everybody on it needs to know: is it up, and since when.
 *
 * Whatever is published while the link is down is thrown away by the client at its next dial, so nobody sends then; whoever
 * must be heard sends again when `onUp` fires.
 */
import { errors, type NatsConnection, type PermissionViolationError } from "@nats-io/nats-core";
import { BusError } from "../../protocol/errors.ts";
import type { SynapseStatus } from "../synapse.ts";
import { NatsOutbox } from "./nats-outbox.ts";

/** Something sent, or asked to hear, that our user may not. */
export interface Refusal {
  readonly operation: "publish" | "subscribe";
  readonly subject: string;
}

export class NatsLink {
  readonly nc: NatsConnection;
  readonly url: string;
  /** Everything that is published goes through it. */
  readonly outbox: NatsOutbox;
  /** Fire when the connection is lost, when it is back, and when it is gone for good. */
  readonly onDown = new Set<() => void>();
  readonly onUp = new Set<() => void>();
  readonly onClosed = new Set<() => void>();
  /** What the server did not permit. It says so some time after it was sent, and only by the subject. */
  readonly onRefused = new Set<(refusal: Refusal) => void>();
  /** A consumer was to be deleted, and our user may not: it goes by itself. */
  mayNotDelete = false;
  /** Streams on which our user may make no consumer. */
  readonly withoutConsumers = new Set<string>();
  readonly onStatus = new Set<(status: SynapseStatus) => void>();
  #isUp = true;
  #isClosed = false;
  #maxPayloadBytes: number;

  constructor(nc: NatsConnection, url: string) {
    this.nc = nc;
    this.url = url;
    this.outbox = new NatsOutbox(nc);
    this.#maxPayloadBytes = nc.info?.max_payload ?? 1024 * 1024;
    void this.#watch();
  }

  get isUp(): boolean {
    return this.#isUp;
  }
  get isClosed(): boolean {
    return this.#isClosed;
  }
  /** Of the server we are, or were last, connected to: headers included. */
  get maxPayloadBytes(): number {
    return this.#maxPayloadBytes;
  }

  /**
   * Resolves when the server has seen everything sent before, waiting for it to come back if it is away. Rejects with
   * `CLOSED`.
   */
  async flush(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.flushOnce();
        return;
      } catch {
        await this.#up();
      }
    }
    throw closedError();
  }

  /** The same, of this connection: rejects when it is lost. */
  async flushOnce(): Promise<void> {
    this.outbox.flush();
    await this.nc.flush();
  }

  close(): Promise<void> {
    return this.nc.close();
  }

  /** Resolves when the link is up or closed. */
  async #up(): Promise<void> {
    if (this.#isUp) return new Promise((resolve) => setTimeout(resolve, 10));
    await new Promise<void>((resolve) => {
      const done = () => {
        this.onUp.delete(done);
        this.onClosed.delete(done);
        resolve();
      };
      this.onUp.add(done);
      this.onClosed.add(done);
    });
  }

  async #watch(): Promise<void> {
    for await (const status of this.nc.status()) {
      switch (status.type) {
        case "disconnect":
          if (!this.#isUp) break;
          this.#isUp = false;
          fire(this.onDown);
          this.#report({ type: "disconnected" });
          break;
        case "reconnect":
          this.#isUp = true;
          // The server may know us better now.
          this.withoutConsumers.clear();
          this.mayNotDelete = false;
          this.#maxPayloadBytes = this.nc.info?.max_payload ?? this.#maxPayloadBytes;
          fire(this.onUp);
          this.#report({ type: "reconnected" });
          break;
        case "error":
          if (status.error instanceof errors.PermissionViolationError) this.#refused(status.error);
          this.#report({ type: "error", message: status.error.message });
          break;
        default:
          break;
      }
    }
    await this.nc.closed();
    this.#isUp = false;
    this.#isClosed = true;
    fire(this.onClosed);
    this.#report({ type: "closed" });
    this.onStatus.clear();
    this.onRefused.clear();
  }

  #refused({ operation, subject }: PermissionViolationError): void {
    // Nobody is told of it: see LogReader.
    if (subject.startsWith("$JS.API.CONSUMER.DELETE.")) this.mayNotDelete = true;
    const refusal: Refusal = { operation: operation === "publish" ? "publish" : "subscribe", subject };
    for (const listener of [...this.onRefused]) listener(refusal);
  }

  #report(status: SynapseStatus): void {
    for (const listener of [...this.onStatus]) listener(status);
  }
}

export const closedError = (): BusError => new BusError("CLOSED", "the Synapse was drained; connect again");

function fire(listeners: Set<() => void>): void {
  for (const listener of [...listeners]) listener();
}
