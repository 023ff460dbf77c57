/**
 * Shutdown: ends a process in order. What was opened is deferred as it is opened, and closed in reverse.
 *
 *   running --SIGTERM, SIGINT, fail()--> closing --all closed--> exit 0 (1 after fail, or when a close failed)
 *                                           +--second signal--> exit at once, 128 + its number
 *
 * npm passes on the SIGINT that the terminal's Ctrl-C has sent to its script as well: the same again, so soon, is no second one.
 */
import { constants } from "node:os";
import type { Logger } from "@myelin/bus";

const SAME_MS = 1_000;
const SIGNALS = ["SIGTERM", "SIGINT"] as const;

export class Shutdown {
  readonly #logger: Logger;
  readonly #exit: (code: number) => void;
  readonly #closers: { name: string; close: () => unknown }[] = [];
  readonly #asked = new AbortController();
  #exitCode = 0;

  /** `exit` is `process.exit`, or a test's. */
  constructor(logger: Logger, exit: (code: number) => void) {
    this.#logger = logger;
    this.#exit = exit;
  }

  /** Aborts when the process shall end. */
  get signal(): AbortSignal {
    return this.#asked.signal;
  }

  /** Close this at the end, before everything deferred earlier. */
  defer(name: string, close: () => unknown): void {
    this.#closers.push({ name, close });
  }

  /** End the process with code 1, because it cannot do its work any more. In order all the same. */
  fail(error: unknown): void {
    this.#exitCode = 1;
    this.#asked.abort(error);
  }

  /** Listen for SIGTERM and SIGINT until disposed. */
  listen(): Disposable {
    let first: { readonly name: NodeJS.Signals; readonly at: number } | undefined;
    const onSignal = (name: NodeJS.Signals) => {
      if (first?.name === name && performance.now() - first.at < SAME_MS) return;
      first ??= { name, at: performance.now() };
      if (this.#asked.signal.aborted) {
        this.#logger.warn({ signal: name }, "process.killed");
        this.#exit(128 + constants.signals[name]);
        return;
      }
      this.#logger.info({ signal: name }, "process.stopping");
      this.#asked.abort(new Error(`received ${name}`));
    };
    for (const name of SIGNALS) process.on(name, onSignal);
    return {
      [Symbol.dispose]: () => {
        for (const name of SIGNALS) process.off(name, onSignal);
      },
    };
  }

  /** Resolves when the process shall end. */
  asked(): Promise<void> {
    const { signal } = this.#asked;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }

  /** Close everything, the last opened first. One that fails is logged, and the next is closed. Resolves with the exit code. */
  async close(): Promise<number> {
    for (let next = this.#closers.pop(); next; next = this.#closers.pop()) {
      try {
        await next.close();
      } catch (error) {
        this.#exitCode = 1;
        this.#logger.error({ err: error, what: next.name }, "process.close.failed");
      }
    }
    return this.#exitCode;
  }
}
