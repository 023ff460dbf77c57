/** Slots: how many tasks of an Axon run at once. Whoever comes back from waiting for a child goes before new work. */
import type { Lane } from "@myelin/bus";
import { LaneQueue, type Turn } from "./lane-queue.ts";

export class Slots {
  #free: number;
  readonly #returning: (() => void)[] = [];
  readonly #waiting = new LaneQueue();

  constructor(count: number) {
    this.#free = count;
  }

  /** Tasks that wait for a slot, those that come back included. */
  get queued(): number {
    return this.#waiting.size + this.#returning.length;
  }

  /** Take a slot now if one is free. */
  tryTake(): boolean {
    if (this.#free === 0) return false;
    this.#free--;
    return true;
  }

  /** Wait for a slot, which is taken when the turn comes. Only after `tryTake()` said that none is free. */
  wait(lane: Lane): Turn {
    return this.#waiting.wait(lane);
  }

  /** Take a slot again, before everybody who never had one. */
  async takeBack(): Promise<void> {
    if (this.tryTake()) return;
    await new Promise<void>((resolve) => this.#returning.push(resolve));
  }

  /** Give a slot back, to whoever waits first. */
  give(): void {
    const returning = this.#returning.shift();
    if (returning) returning();
    else if (!this.#waiting.serve()) this.#free++;
  }
}
