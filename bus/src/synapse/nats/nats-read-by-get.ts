/**
 * Reading the log without a consumer, one entry per question to the stream's leader: for users who may not make consumers.
 *
 * Who may make one can have it deliver where he may not publish, and can change everybody else's, because JetStream checks
 * neither: so dispatchers and observers may not (bus/nats-server-auth.conf). An entry costs a round trip, 0.3 to 0.5 ms, where
 * a consumer brings 100,000 a second: enough for a run's journal or a trace, too slow for a recorder.
 */
import { LogUnavailableError } from "../../protocol/errors.ts";
import { parseSignal } from "../../protocol/signal.ts";
import type { LogEntry } from "../synapse.ts";
import { getStored, type StoredBytes } from "./nats-entry.ts";
import type { NatsLink } from "./nats-link.ts";

/** How often a reader that follows asks for more. */
const POLL_MS = 250;

export interface ReadPlace {
  readonly stream: string;
  readonly subject: string;
  readonly fromSeq: number;
  readonly fromTime: Date | undefined;
}

export class GetReader {
  isStopped = false;
  /** It has asked, and there was nothing. */
  isDry = false;
  readonly #link: NatsLink;
  readonly #place: ReadPlace;
  #nextSeq: number;
  /** Until the first entry: the sequence to begin at is not known yet. */
  #fromTime: Date | undefined;
  #found: StoredBytes | null = null;
  #endPause: (() => void) | undefined;

  constructor(link: NatsLink, place: ReadPlace) {
    this.#link = link;
    this.#place = place;
    this.#nextSeq = place.fromSeq;
    this.#fromTime = place.fromTime;
  }

  take(): LogEntry | null {
    const found = this.#found;
    this.#found = null;
    if (!found) return null;
    this.#nextSeq = found.seq + 1;
    return { ...found, parsed: parseSignal(found.bytes) };
  }

  /** Ask once; nothing there, or (for the `patient`) nobody there: wait a little too. */
  async more({ patient }: { patient: boolean }): Promise<void> {
    this.isDry = false;
    if (this.#link.isClosed) this.stop();
    if (this.isStopped) return;
    try {
      if (this.#fromTime) this.#nextSeq = Math.max(this.#nextSeq, await this.#firstSince(this.#fromTime));
      this.#fromTime = undefined;
      this.#found = await this.#next(this.#place.subject, this.#nextSeq);
      if (this.#found) return;
      this.isDry = true;
    } catch (error) {
      // Whoever stopped it may have closed the connection under the question.
      if (this.isStopped) return;
      if (!patient || !(error instanceof LogUnavailableError)) throw error;
    }
    if (patient && !this.isStopped) await this.pause(POLL_MS);
  }

  /** The leader was asked, so dry is dry. */
  hasMore(): Promise<boolean> {
    return Promise.resolve(false);
  }

  stop(): void {
    this.isStopped = true;
    this.#endPause?.();
  }

  #next(subject: string, seq: number): Promise<StoredBytes | null> {
    return getStored(this.#link, this.#place.stream, { next_by_subj: subject, seq });
  }

  /** The sequence of the first entry, of any subject, that was stored at that time or later: bisection, because times only grow. */
  async #firstSince(time: Date): Promise<number> {
    let low = (await this.#next(">", 1))?.seq ?? 1;
    let high = ((await getStored(this.#link, this.#place.stream, { last_by_subj: ">" }))?.seq ?? 0) + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const entry = await this.#next(">", middle);
      if (entry === null || entry.storedAt >= time) high = middle;
      else low = entry.seq + 1;
    }
    return low;
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
