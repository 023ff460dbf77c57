/**
 * Lanes: asks the three lanes of a neuron for as many durable tasks as there is room for.
 *
 * The normal lane is asked by a standing request for every open slot, so that the common case costs nothing more. High and
 * low have none: a worker hears when something is stored there (the hint), and polls a lane that may have tasks whenever a
 * slot is open, in the order of LaneTurns. A hint can be lost, and what is delivered again gives none: so both lanes are
 * looked at again at the start, when the connection is back, and every five seconds.
 *
 * A slot is held (a task was delivered for it), asked for (the standing request), or open. Before another lane is polled,
 * what is asked for is taken back; a normal task that is on its way then comes all the same, and `open` falls below zero:
 * that task waits for a slot in this process, and as much less is asked for later.
 */
import type { Consumption, Lane } from "@myelin/bus";
import { LaneTurns } from "./lane-turns.ts";

export interface LanesOptions {
  readonly consumptions: Readonly<Record<Lane, Consumption>>;
  readonly slots: number;
  /** How many tasks may be taken beside those asked for; 0 once more than that are. `askAgain` when that changes. */
  readonly roomBeside: (asked: number) => number;
}

const LOOK_EVERY_MS = 5_000;
/** A server may tell of a task some milliseconds before its consumer has it (1 of 100 polls found nothing). */
const LOOK_AGAIN_MS = 30;

export class Lanes {
  readonly #options: LanesOptions;
  readonly #turns = new LaneTurns();
  readonly #mayHave = { high: true, low: true };
  readonly #heardAt = { high: -Infinity, low: -Infinity };
  readonly #timer: NodeJS.Timeout;
  readonly #again: Partial<Record<Lane, NodeJS.Timeout>> = {};
  #open: number;
  #asked = 0;
  /** The normal lane had nothing when it was asked last, and no slot was freed since. */
  #isNormalEmpty = false;
  #isPolling = false;
  #isStopped = false;

  constructor(options: LanesOptions) {
    this.#options = options;
    this.#open = options.slots;
    this.#timer = setInterval(() => this.lookAgain(), LOOK_EVERY_MS).unref();
    this.askAgain();
  }

  /** A slot is free: its task has ended, or waits elsewhere. */
  freed(): void {
    this.#open++;
    this.#isNormalEmpty = false;
    this.askAgain();
  }

  /** A slot is held for a task that was not delivered for it just now: one that waited elsewhere. */
  held(): void {
    this.#open--;
    if (this.#open < 0) this.#takeBack(1);
  }

  /** A task of that lane was delivered. */
  delivered(lane: Lane): void {
    if (lane === "normal" && this.#asked > 0) this.#asked--;
    else this.held();
  }

  /** A task was stored in that lane. */
  hinted(lane: "high" | "low"): void {
    this.#heardAt[lane] = performance.now();
    this.#look(lane);
  }

  /** Hints may have been missed. */
  lookAgain(): void {
    this.#look("high", "low");
  }

  /** Ask for what there is room for now. */
  askAgain(): void {
    if (this.#isPolling || this.#isStopped || this.#open <= 0) return;
    if (this.#mayHave.high || this.#mayHave.low) void this.#poll();
    else this.#ask();
  }

  /** Ask no more. */
  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#again.high);
    clearTimeout(this.#again.low);
  }

  #look(...lanes: ("high" | "low")[]): void {
    for (const lane of lanes) this.#mayHave[lane] = true;
    // A request that stands says that the normal lane is empty.
    if (this.#asked > 0) this.#isNormalEmpty = true;
    this.#takeBack(this.#asked);
    this.askAgain();
  }

  /** A standing request on the normal lane, for every open slot. */
  #ask(): void {
    const count = Math.min(this.#open, this.#options.roomBeside(this.#asked));
    if (count <= 0) return;
    this.#open -= count;
    this.#asked += count;
    this.#options.consumptions.normal.request(count);
  }

  #takeBack(count: number): void {
    const taken = Math.min(count, this.#asked);
    if (taken === 0) return;
    this.#asked -= taken;
    this.#open += taken;
    this.#options.consumptions.normal.request(-taken);
  }

  /** Poll lane after lane until no slot is open, or no lane has anything. One poll at a time, so that the order holds. */
  async #poll(): Promise<void> {
    this.#isPolling = true;
    for (;;) {
      const room = Math.min(this.#open, this.#options.roomBeside(this.#asked));
      if (room <= 0 || this.#isStopped) break;
      const next = this.#mayHave.high || this.#mayHave.low ? this.#turns.next(this.#waits) : null;
      if (!next) {
        this.#ask();
        break;
      }
      await this.#pollOne(next.lane, Math.min(room, next.count));
    }
    this.#isPolling = false;
  }

  async #pollOne(lane: Lane, count: number): Promise<void> {
    if (lane === "normal") this.#isNormalEmpty = true;
    else this.#mayHave[lane] = false;
    const came = await this.#options.consumptions[lane].poll(count);
    if (came === count) {
      if (lane === "normal") this.#isNormalEmpty = false;
      else this.#mayHave[lane] = true;
    } else if (came === 0 && lane !== "normal") this.#lookAgainSoon(lane);
    this.#turns.served(lane, came, this.#waits);
  }

  readonly #waits = (lane: Lane): boolean =>
    lane === "normal" ? this.#asked === 0 && !this.#isNormalEmpty : this.#mayHave[lane];

  /** Nothing was there, though it was said to be a moment ago: the consumer may be late. */
  #lookAgainSoon(lane: "high" | "low"): void {
    const isLong = performance.now() - this.#heardAt[lane] > LOOK_AGAIN_MS;
    if (isLong || this.#again[lane] || this.#isStopped) return;
    this.#again[lane] = setTimeout(() => {
      delete this.#again[lane];
      this.#look(lane);
    }, LOOK_AGAIN_MS).unref();
  }
}
