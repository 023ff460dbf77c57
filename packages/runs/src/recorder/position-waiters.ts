/** PositionWaiters: the position as this process knows it, and who waits for it to reach a sequence. */
import { RunsError } from "../errors.ts";

export class PositionWaiters {
  #position = 0;
  /** Set when the position will not move again. */
  #end: Error | null = null;
  readonly #waiting = new Set<{ seq: number; settle: (error: Error | null) => void }>();

  get position(): number {
    return this.#position;
  }

  /** The position is `seq` now. It goes back when the log is another one. */
  move(seq: number): void {
    this.#position = seq;
    for (const waiter of this.#waiting) if (waiter.seq <= seq) waiter.settle(null);
  }

  /** The position will not move again: whoever waits is told why. */
  end(error: Error): void {
    this.#end = error;
    for (const waiter of this.#waiting) waiter.settle(error);
  }

  async waitFor(
    seq: number,
    options: { signal?: AbortSignal | undefined; timeoutMs?: number | undefined },
  ): Promise<void> {
    const { signal, timeoutMs = 30_000 } = options;
    if (!(timeoutMs > 0)) throw new RunsError("INVALID_OPTION", `timeoutMs must be > 0, got ${timeoutMs}`);
    signal?.throwIfAborted();
    if (this.#position >= seq) return;
    if (this.#end) throw this.#end;
    await new Promise<void>((resolve, reject) => {
      const settle = (error: Error | null) => {
        this.#waiting.delete(waiter);
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        if (error === null) resolve();
        else reject(error);
      };
      const waiter = { seq, settle };
      const onAbort = () => settle(signal!.reason as Error);
      const timer = setTimeout(() => settle(this.#timeout(seq, timeoutMs)), timeoutMs);
      signal?.addEventListener("abort", onAbort);
      this.#waiting.add(waiter);
    });
  }

  #timeout(seq: number, timeoutMs: number): RunsError {
    return new RunsError(
      "TIMEOUT",
      `sequence ${seq} was not recorded within ${timeoutMs} ms; the position is ${this.#position}`,
    );
  }
}
