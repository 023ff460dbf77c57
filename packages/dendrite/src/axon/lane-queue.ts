/** LaneQueue: those that wait for a turn, served in the order of their lanes and, within one, as they came. */
import type { Lane } from "@myelin/bus";
import { LaneTurns } from "./lane-turns.ts";

export interface Turn {
  /** True when its turn has come; false when it was cancelled first. */
  readonly come: Promise<boolean>;
  /** Wait no longer. No effect once its turn has come. */
  readonly cancel: () => void;
}

type Settle = (isItsTurn: boolean) => void;

export class LaneQueue {
  readonly #waiting: Record<Lane, Settle[]> = { high: [], normal: [], low: [] };
  readonly #turns = new LaneTurns();
  readonly #isWaiting = (lane: Lane) => this.#waiting[lane].length > 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  wait(lane: Lane): Turn {
    const waiting = this.#waiting[lane];
    let settle: Settle = () => {};
    const come = new Promise<boolean>((resolve) => (settle = resolve));
    waiting.push(settle);
    this.#size++;
    const cancel = () => {
      const at = waiting.indexOf(settle);
      if (at < 0) return;
      waiting.splice(at, 1);
      this.#size--;
      settle(false);
    };
    return { come, cancel };
  }

  /** Say to the next that its turn has come. False when nobody waits. */
  serve(): boolean {
    const next = this.#size === 0 ? null : this.#turns.next(this.#isWaiting);
    if (!next) return false;
    const settle = this.#waiting[next.lane].shift()!;
    this.#size--;
    this.#turns.served(next.lane, 1, this.#isWaiting);
    settle(true);
    return true;
  }
}
