/**
 * Run watch: one run as its watcher sees it: the entries of its journal in order, each once, and between them what passes live.
 *
 * What is stored is heard where it is republished, and that is at most once: so an entry that is not the next one, the end of
 * the run, and every few seconds of silence lead to a look into the log, which has them all. Entries are told apart by their
 * index, so it does not matter how often one comes.
 */
import {
  bucketOf,
  journalOf,
  type Bus,
  type EndType,
  type PauseType,
  type Signal,
  type SignalOf,
  type Subscription,
} from "@myelin/bus";
import { journalState, type JournalState, type RunEventEntry } from "@myelin/bus/run-events";
import { DendriteError } from "../errors.ts";
import type { RunFollower } from "../run-follower.ts";
import type { KnownRun } from "../run-history.ts";
import { MAX_TIMEOUT_MS } from "../validate.ts";
import { isPause, type Reply } from "../waiters.ts";
import type { RunStreamEvent } from "./run-event.ts";
import type { RunJournals } from "./run-journals.ts";
import { isEndEntry, toEndEvent, toEvent, toLiveEvent } from "./to-event.ts";
import { toPlainPause } from "./to-result.ts";

export interface RunWatchParts {
  readonly bus: Bus;
  readonly journals: RunJournals;
  readonly follower: RunFollower;
}

export interface WatchOptions {
  /** The last index that the watcher has; -1 for none. */
  readonly after: number;
  /** A pause ends it. */
  readonly untilPause: boolean;
}

type LiveSignal = SignalOf<"THOUGHT_DELTA" | "TOOL_CALL" | "TOOL_RESULT">;
type Item =
  | { readonly kind: "journal"; readonly signal: SignalOf<"RUN_EVENT">; readonly seq: number }
  | { readonly kind: "live"; readonly signal: LiveSignal }
  | { readonly kind: "look" }
  | { readonly kind: "reply"; readonly reply: Reply }
  | { readonly kind: "error"; readonly error: unknown };

/** What waits for the reader at most; beyond it the watch ends with `STREAM_OVERFLOW`. */
const MAX_BUFFERED = 10_000;
const FIRST_LOOK_MS = 2_000;
const LAST_LOOK_MS = 30_000;

export class RunWatch implements AsyncDisposable {
  readonly #parts: RunWatchParts;
  readonly #items: Item[] = [];
  readonly #subscriptions: Promise<Subscription>[] = [];
  readonly #leaving = new AbortController();
  #wake: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  /** All entries so far, in their places. */
  readonly #entries: RunEventEntry[] = [];
  #headSeq = 0;
  #folded: { readonly length: number; readonly state: JournalState } | undefined;

  constructor(parts: RunWatchParts) {
    this.#parts = parts;
  }

  /** Hear a trace, or a run of it, from here on. For a run that is still to be sent: nothing it says is missed then. */
  async listen(traceId: string, runId?: string): Promise<void> {
    const { bus } = this.#parts;
    const journal =
      runId === undefined ? ({ type: "RUN_EVENT", bucket: bucketOf(traceId) } as const) : journalOf(traceId, runId);
    const isOurs = (signal: Signal) =>
      signal.trace_id === traceId && (runId === undefined || signal.meta.run_id === runId);
    this.#subscriptions.push(
      bus.subscribe("log", journal, (signal, { seq }) => {
        if (signal.type === "RUN_EVENT" && isOurs(signal)) this.#push({ kind: "journal", signal, seq: seq ?? 0 });
      }),
      bus.subscribe("live", { bucket: bucketOf(traceId) }, (signal) => {
        if (isLive(signal) && isOurs(signal)) this.#push({ kind: "live", signal });
      }),
    );
    await Promise.all(this.#subscriptions);
  }

  /** What the run did and does, to its end; or, with `untilPause`, to a pause that is open. */
  async *events(run: KnownRun, { after, untilPause }: WatchOptions): AsyncGenerator<RunStreamEvent, void, void> {
    this.#awaitReply(run, "return");
    this.#lookLater(FIRST_LOOK_MS);
    this.#push({ kind: "look" });
    const tell = (entries: readonly RunEventEntry[]) =>
      entries
        .filter((one) => one.sequence_index > after && !isEndEntry(one))
        .map((one) => toEvent(run, one, this.#entries));
    for (;;) {
      const item = this.#items.shift();
      if (!item) {
        if (this.#leaving.signal.aborted) return;
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      switch (item.kind) {
        case "error":
          throw item.error;
        case "live":
          if (item.signal.meta.run_id !== run.runId) break;
          if (item.signal.type !== "THOUGHT_DELTA" && this.#state.isOwned) break; // its journal says so, too
          yield toLiveEvent(run.runId, item.signal);
          break;
        case "journal":
          if (item.signal.meta.run_id !== run.runId) break;
          yield* tell(await this.#take(run, item));
          break;
        case "look":
          yield* tell(await this.#look(run));
          break;
        case "reply": {
          const { reply } = item;
          yield* tell(await this.#look(run, { isSure: true }));
          if (!isPause(reply)) {
            yield* this.#end(run, reply, after);
            return;
          }
          if (this.#state.isOwned) {
            this.#awaitReply(run, "wait");
          } else {
            yield toPlainPauseEvent(run.runId, reply);
            if (untilPause) return;
            this.#awaitReply(run, "wait");
          }
        }
      }
      if (untilPause && this.#state.pause) return;
    }
  }

  /** Leave: `events` ends, and nothing is heard any more. */
  leave(): void {
    this.#leaving.abort(new DOMException("the watcher left", "AbortError"));
    clearTimeout(this.#timer);
    this.#wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.leave();
    for (const one of await Promise.allSettled(this.#subscriptions)) {
      if (one.status === "fulfilled") await one.value.drain();
    }
  }

  /** Folded again when something was added: pieces of text come a hundred times as often. */
  get #state(): JournalState {
    if (this.#folded?.length !== this.#entries.length) {
      this.#folded = { length: this.#entries.length, state: journalState(this.#entries) };
    }
    return this.#folded.state;
  }

  *#end(run: KnownRun, reply: SignalOf<EndType>, after: number): Generator<RunStreamEvent, void, void> {
    const { end, iteration } = this.#state;
    // The watcher has it: it asked again after the end.
    if (end && end.sequence_index <= after) return;
    yield toEndEvent(run, reply, end, iteration);
  }

  /** What of a Signal is new; of one that is not the next, all that is new in the log. */
  async #take(run: KnownRun, { signal, seq }: Item & { kind: "journal" }): Promise<readonly RunEventEntry[]> {
    const { entries } = signal.payload;
    if (entries[0]!.sequence_index > this.#entries.length) return this.#look(run, { isSure: true });
    this.#headSeq = Math.max(this.#headSeq, seq);
    return this.#add(entries);
  }

  /** What is new in the log. `isSure`: something is; else its end is looked at first. */
  async #look(run: KnownRun, { isSure = false } = {}): Promise<readonly RunEventEntry[]> {
    const { bus, journals } = this.#parts;
    if (!isSure && this.#headSeq > 0) {
      const head = await bus.lastOf(journalOf(run.traceId, run.runId));
      if (!head || head.seq <= this.#headSeq) return [];
    }
    const journal = await journals.read(run.runId, run.traceId);
    if (!journal) return [];
    this.#headSeq = Math.max(this.#headSeq, journal.headSeq);
    return this.#add(journal.entries);
  }

  #add(entries: readonly RunEventEntry[]): readonly RunEventEntry[] {
    const added = entries.filter(({ sequence_index }) => sequence_index >= this.#entries.length);
    this.#entries.push(...added);
    return added;
  }

  #awaitReply(run: KnownRun, onPause: "return" | "wait"): void {
    const { signal } = this.#leaving;
    this.#parts.follower.reply(run, { timeoutMs: MAX_TIMEOUT_MS, signal, onPause }).then(
      (reply) => this.#push({ kind: "reply", reply }),
      (error: unknown) => {
        if (!signal.aborted) this.#push({ kind: "error", error });
      },
    );
  }

  #lookLater(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#push({ kind: "look" });
      this.#lookLater(Math.min(ms * 2, LAST_LOOK_MS));
    }, ms).unref();
  }

  #push(item: Item): void {
    if (this.#isOver || this.#leaving.signal.aborted) return;
    this.#items.push(item);
    if (this.#items.length > MAX_BUFFERED) {
      this.#isOver = true;
      const message = `the reader is ${MAX_BUFFERED} events behind; read faster`;
      this.#items.push({ kind: "error", error: new DendriteError("STREAM_OVERFLOW", message) });
    }
    this.#wake();
  }
}

const isLive = (signal: Signal): signal is LiveSignal =>
  signal.type === "THOUGHT_DELTA" || signal.type === "TOOL_CALL" || signal.type === "TOOL_RESULT";

const toPlainPauseEvent = (runId: string, question: SignalOf<PauseType>): RunStreamEvent => ({
  type: "run_paused",
  runId,
  sequenceIndex: null,
  iteration: 0,
  eventType: null,
  data: question.payload,
  pause: toPlainPause(question),
});
