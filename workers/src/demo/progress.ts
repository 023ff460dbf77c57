/** Progress: says on stderr what is going on while slow things happen. A terminal's line is rewritten; elsewhere each is a line. */
import type { WriteStream } from "node:tty";

/** The slice of stderr that is written to. */
export type ProgressOutput = Pick<WriteStream, "write"> & {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
};

const FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const FRAME_MS = 100;
const CLEAR = "\r\x1b[K";

export class Progress implements Disposable {
  readonly #output: ProgressOutput;
  #message: string | null = null;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(output: ProgressOutput) {
    this.#output = output;
  }

  /** This is what happens now. On a terminal it is shown with the time it takes, until the next. */
  say(message: string): void {
    if (!this.#output.isTTY) {
      this.#output.write(`${message}\n`);
      return;
    }
    this.#message = message;
    this.#since = performance.now();
    this.#draw();
    this.#timer ??= setInterval(() => this.#draw(), FRAME_MS).unref();
  }

  /** Write a line that stays, above the one that is rewritten. */
  print(line: string): void {
    this.#output.write(`${this.#output.isTTY ? CLEAR : ""}${line}\n`);
    this.#draw();
  }

  /** Nothing slow happens any more: take the line away, so that others can write. */
  clear(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#message !== null) this.#output.write(CLEAR);
    this.#message = null;
  }

  [Symbol.dispose](): void {
    this.clear();
  }

  #draw(): void {
    if (this.#message === null) return;
    const ms = performance.now() - this.#since;
    const frame = FRAMES[Math.floor(ms / FRAME_MS) % FRAMES.length]!;
    const seconds = ms < 1_000 ? "" : ` ${(ms / 1_000).toFixed(0)} s`;
    // A line that wraps could not be taken back.
    const room = (this.#output.columns ?? 80) - frame.length - seconds.length - 2;
    this.#output.write(`${CLEAR}${frame} ${this.#message.slice(0, Math.max(room, 0))}${seconds}`);
  }
}
