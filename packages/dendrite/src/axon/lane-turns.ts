/**
 * LaneTurns: which lane goes next. High before normal before low, but of eight in a row one is for a lane below that
 * waits, the lowest first: so none starves. When all three wait, eight turns are six high, one normal and one low.
 */
import { LANES, type Lane, type SignalOf } from "@myelin/bus";

/** A lane that waits goes before the ones above it after so many of theirs. */
const MAX_PASSED = 7;

export const laneOf = (task: SignalOf<"TASK">): Lane => task.payload.priority ?? "normal";

export class LaneTurns {
  /** How many of the lanes above went while this one waited. */
  readonly #passed: Record<Lane, number> = { high: 0, normal: 0, low: 0 };

  /** The lane to serve, and how many of it before another is due; null when none waits. */
  next(waits: (lane: Lane) => boolean): { lane: Lane; count: number } | null {
    // LANES has the highest first.
    const waiting = LANES.filter(waits);
    const due = waiting.findLast((lane) => this.#passed[lane] >= MAX_PASSED);
    if (due !== undefined && due !== waiting[0]) return { lane: due, count: 1 };
    const [lane, ...below] = waiting;
    if (lane === undefined) return null;
    return { lane, count: Math.min(...below.map((one) => MAX_PASSED - this.#passed[one])) };
  }

  /** That many of a lane went, while these waited. */
  served(lane: Lane, count: number, waits: (lane: Lane) => boolean): void {
    if (count === 0) return;
    this.#passed[lane] = 0;
    for (const below of LANES.slice(LANES.indexOf(lane) + 1)) {
      this.#passed[below] = waits(below) ? this.#passed[below] + count : 0;
    }
  }
}
