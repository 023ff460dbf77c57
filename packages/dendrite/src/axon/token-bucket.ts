/** TokenBucket: `count` tokens at once, then one every `perMs / count`. Those that find none wait, high lane first. */
import type { Lane } from "@myelin/bus";
import { LaneQueue, type Turn } from "./lane-queue.ts";

export class TokenBucket {
  readonly #count: number;
  readonly #msPerToken: number;
  /** A token came that nobody waited for, though `callAtNext` was asked for. */
  readonly #onToken: () => void;
  readonly #waiting = new LaneQueue();
  /** As of `#at`; a part of one counts. */
  #tokens: number;
  #at = performance.now();
  #isCallDue = false;
  #timer: NodeJS.Timeout | undefined;

  constructor({ count, perMs }: { count: number; perMs: number }, onToken: () => void = () => {}) {
    this.#count = count;
    this.#msPerToken = perMs / count;
    this.#onToken = onToken;
    this.#tokens = count;
  }

  /** Tokens that nobody waits for. */
  get available(): number {
    return this.#waiting.size > 0 ? 0 : Math.floor(this.#refilled());
  }

  /** Nothing is lost when it is forgotten now. */
  get isFull(): boolean {
    return this.#waiting.size === 0 && this.#refilled() >= this.#count;
  }

  tryTake(): boolean {
    if (this.available < 1) return false;
    this.#tokens--;
    if (this.#isCallDue) this.#schedule();
    return true;
  }

  /** Wait for a token, which is taken when the turn comes. Only after `tryTake()` said that there is none. */
  wait(lane: Lane): Turn {
    const turn = this.#waiting.wait(lane);
    this.#schedule();
    return turn;
  }

  /** Call `onToken`, once, when there is a token more than now. */
  callAtNext(): void {
    this.#isCallDue = true;
    this.#schedule();
  }

  #refilled(): number {
    const now = performance.now();
    this.#tokens = Math.min(this.#count, this.#tokens + (now - this.#at) / this.#msPerToken);
    this.#at = now;
    return this.#tokens;
  }

  #schedule(): void {
    const tokens = this.#refilled();
    // A full one gets no more; whoever takes from it schedules.
    if (this.#timer || tokens >= this.#count) return;
    const waitMs = (Math.floor(tokens) + 1 - tokens) * this.#msPerToken;
    this.#timer = setTimeout(() => this.#onTimer(), Math.ceil(waitMs)).unref();
  }

  #onTimer(): void {
    this.#timer = undefined;
    while (this.#refilled() >= 1 && this.#waiting.serve()) this.#tokens--;
    if (this.#waiting.size > 0) return this.#schedule();
    if (!this.#isCallDue) return;
    this.#isCallDue = false;
    this.#onToken();
  }
}
