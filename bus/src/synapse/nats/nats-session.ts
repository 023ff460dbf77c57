/**
 * NatsSession: what everything on one connection shares, and how it ends.
 *
 * Phases: open -> draining (nothing new is taken; handlers that run finish, and may still append and publish) -> closed.
 */
import { RunningHandlers } from "../running-handlers.ts";
import { NatsAppender } from "./nats-append.ts";
import { closedError, type NatsLink } from "./nats-link.ts";
import type { ResolvedNatsOptions } from "./nats-options.ts";

export class NatsSession {
  readonly link: NatsLink;
  readonly options: ResolvedNatsOptions;
  readonly appender: NatsAppender;
  readonly #resources = new Set<() => Promise<void>>();
  readonly #during = new RunningHandlers();
  #phase: "open" | "draining" | "closed" = "open";
  #drained: Promise<void> | undefined;

  constructor(link: NatsLink, options: ResolvedNatsOptions) {
    this.link = link;
    this.options = options;
    this.appender = new NatsAppender(link);
  }

  /** Throws `CLOSED` once the drain is over. */
  assertOpen(): void {
    if (this.#phase === "closed" || this.link.isClosed) throw closedError();
  }

  /** Throws `CLOSED` as soon as the drain has begun: for what would take new work. */
  assertTaking(): void {
    this.assertOpen();
    if (this.#phase === "draining") throw closedError();
  }

  /** Make `stop` part of the session's drain. The result runs it once, whoever calls it and however often. */
  own(stop: () => Promise<void>): () => Promise<void> {
    let stopped: Promise<void> | undefined;
    const drain = () => (stopped ??= stop().finally(() => this.#resources.delete(drain)));
    this.#resources.add(drain);
    // The drain began while the server was being told of it.
    if (this.#phase !== "open") void drain();
    return drain;
  }

  /** Do something that the drain waits for, in the background or not. */
  during<T>(work: () => Promise<T>): Promise<T> {
    return this.#during.track(work);
  }

  drain(): Promise<void> {
    return (this.#drained ??= this.#drain());
  }

  async #drain(): Promise<void> {
    this.#phase = "draining";
    await Promise.all([...this.#resources].map((drain) => drain()));
    this.#phase = "closed";
    await this.#during.settled();
    await this.appender.settled();
    // What was published last is on its way; a server that is away is not waited for.
    if (this.link.isUp) await this.link.flushOnce().catch(() => {});
    await this.link.close();
  }
}
