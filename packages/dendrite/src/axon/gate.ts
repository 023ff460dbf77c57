/**
 * Gate: where a task waits, in this process, until it may run: for a token of its rate limit, then for a slot.
 *
 * A durable task that waits for the token of its key holds no slot, so that others go on; at most four times the
 * concurrency wait so, and nothing more is taken while as many do. Its lease is extended meanwhile. A drain hands back what
 * waits, at once.
 */
import type { SignalOf, TaskDelivery } from "@myelin/bus";
import type { Axon } from "./axon.ts";
import type { Turn } from "./lane-queue.ts";
import { laneOf } from "./lane-turns.ts";
import { error, type ReplyBody } from "./output-to-reply.ts";
import { RateLimiter } from "./rate-limit.ts";
import { Slots } from "./slots.ts";
import { inputOf } from "./task-input.ts";
import { InputValidationError } from "../errors.ts";

/** `in`: it has a slot. `left`: the drain began, or the lease was lost. A reply: it may not run. */
export type Entry = "in" | "left" | ReplyBody;

export interface GateOptions {
  readonly axon: Axon;
  /** A durable task waits for a token and needs no slot for now; and: it needs one again. */
  readonly onParked: () => void;
  readonly onUnparked: () => void;
  /** More tasks may be taken. */
  readonly onRoom: () => void;
}

const PARKED_PER_SLOT = 4;
/** A timer may be a little early, and a task that is not past its deadline would run. */
const AFTER_DEADLINE_MS = 5;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Gate {
  readonly #axon: Axon;
  readonly #options: GateOptions;
  readonly #slots: Slots;
  readonly #limiter: RateLimiter | null;
  /** `mayStay` says which may still run during a drain. */
  readonly #waiting = new Set<{ turn: Turn; mayStay: boolean }>();
  #parked = 0;
  /** Waiting for a token, the parked ones included. */
  #limited = 0;
  #isDraining = false;

  constructor(options: GateOptions) {
    const { axon } = options;
    this.#axon = axon;
    this.#options = options;
    this.#slots = new Slots(axon.concurrency);
    this.#limiter = axon.rateLimit && new RateLimiter(axon.rateLimit, options.onRoom);
  }

  /** How many durable tasks may be taken beside those asked for. */
  readonly roomBeside = (asked: number): number => {
    if (!this.#limiter) return Infinity;
    return Math.min(this.#limiter.room(asked), this.#axon.concurrency * PARKED_PER_SLOT - this.#parked - asked);
  };

  get queued(): number {
    return this.#slots.queued + this.#limited;
  }

  /** The usual case: no limit, and a slot is free. */
  tryEnter(): boolean {
    return !this.#limiter && this.#slots.tryTake();
  }

  /** Wait for a token and a slot. `delivery` is null for a transient task. */
  async enter(task: SignalOf<"TASK">, delivery: TaskDelivery | null): Promise<Entry> {
    const lane = laneOf(task);
    if (this.#limiter) {
      const turn = this.#turnOf(this.#limiter, task);
      if (turn && "type" in turn) return turn;
      if (turn && !(await this.#forToken(turn, task, delivery))) return "left";
    }
    if (this.#slots.tryTake()) return "in";
    // A transient task has nowhere else to go: during a drain it may run once others have ended.
    return (await this.#come(this.#slots.wait(lane), delivery, { mayStay: delivery === null })) ? "in" : "left";
  }

  /** The task has ended. */
  leave(): void {
    this.#slots.give();
  }

  /** Its run goes on after it waited for a child. */
  takeBack(): Promise<void> {
    return this.#slots.takeBack();
  }

  /** Nobody waits any more, but transient tasks for a slot. */
  drain(): void {
    this.#isDraining = true;
    for (const { turn, mayStay } of this.#waiting) if (!mayStay) turn.cancel();
  }

  /** Nobody waits any more. */
  close(): void {
    this.#isDraining = true;
    for (const { turn } of this.#waiting) turn.cancel();
  }

  /** Null when it has its token, or needs none because its input is refused anyway. */
  #turnOf(limiter: RateLimiter, task: SignalOf<"TASK">): Turn | ReplyBody | null {
    try {
      return limiter.enter(() => inputOf(this.#axon, task), laneOf(task));
    } catch (thrown) {
      if (thrown instanceof InputValidationError) return null;
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      return error({ code: "KEY_INVALID", message: `keyBy of the rate limit of ${this.#axon.neuronId}: ${reason}` });
    }
  }

  /** True when it may go on: it has its token, or its deadline has passed. */
  async #forToken(turn: Turn, task: SignalOf<"TASK">, delivery: TaskDelivery | null): Promise<boolean> {
    const { deadline } = task.payload;
    let isExpired = false;
    const expire = () => {
      isExpired = true;
      turn.cancel();
    };
    const timer =
      deadline === undefined
        ? undefined
        : setTimeout(expire, Math.min(Date.parse(deadline) - Date.now() + AFTER_DEADLINE_MS, LONGEST_TIMER_MS)).unref();
    this.#limited++;
    if (delivery) {
      this.#parked++;
      this.#options.onParked();
    }
    try {
      return (await this.#come(turn, delivery, { mayStay: false })) || isExpired;
    } finally {
      clearTimeout(timer);
      this.#limited--;
      if (delivery) {
        this.#parked--;
        this.#options.onUnparked();
        this.#options.onRoom();
      }
    }
  }

  /** Wait for the turn, or for what ends the wait. */
  async #come(turn: Turn, delivery: TaskDelivery | null, { mayStay }: { mayStay: boolean }): Promise<boolean> {
    const one = { turn, mayStay };
    this.#waiting.add(one);
    delivery?.lost.addEventListener("abort", turn.cancel);
    if (delivery?.isLost || (this.#isDraining && !mayStay)) turn.cancel();
    try {
      return await turn.come;
    } finally {
      this.#waiting.delete(one);
      delivery?.lost.removeEventListener("abort", turn.cancel);
    }
  }
}
