/** ChaosProcess: a process of ours to be killed, frozen, thawed and stopped. It cannot outlive us, frozen or not. */
import { spawnNode, type ExitStatus, type NodeProcess } from "@myelin/dev";
import { fileURLToPath } from "node:url";
import { READY, type ProgramArgument } from "../programs/program.ts";

const REMEMBERED_LINES = 20;
/** Between SIGTERM and SIGKILL, when it is told to finish. */
const FINISH_GRACE_MS = 90_000;

export class ChaosProcess {
  readonly name: string;
  readonly #process: NodeProcess;
  readonly #lines: string[] = [];
  #resolveReady: () => void = () => {};
  readonly #ready = new Promise<void>((resolve) => (this.#resolveReady = resolve));
  #isReady = false;
  #exit: ExitStatus | null = null;
  /** We ended it, or told it to end: another end is one of its own. */
  #isDoomed = false;

  constructor(program: URL, argument: ProgramArgument) {
    this.name = argument.name;
    this.#process = spawnNode({
      file: fileURLToPath(program),
      args: [JSON.stringify(argument)],
      graceMs: 200,
      onLine: (line) => {
        if (line === READY) this.#onReady();
        else if (this.#lines.push(line) > REMEMBERED_LINES) this.#lines.shift();
      },
    });
    void this.#process.exited.then((status) => (this.#exit = status));
  }

  get pid(): number {
    return this.#process.pid;
  }

  get hasExited(): boolean {
    return this.#exit !== null;
  }

  /** What it said last, on stdout and stderr. */
  get output(): string {
    return this.#lines.join("\n");
  }

  /** Why its end is a fault of ours and not of the scenario; null when there is none. */
  get complaint(): string | null {
    if (this.#exit === null) return null;
    const { code, signal } = this.#exit;
    if (code === 0 || (this.#isDoomed && signal === "SIGKILL")) return null;
    return `${this.name} ended by itself with ${signal ?? `code ${code}`}: ${this.output.slice(-600) || "no word"}`;
  }

  /** Resolves when it said that it is ready. Rejects when it ended before. */
  async ready(): Promise<this> {
    const died = this.#process.exited.then(() => {
      if (!this.#isDoomed) throw new Error(`${this.name} did not become ready:\n${this.output}`);
    });
    await Promise.race([this.#ready, died]);
    return this;
  }

  /** kill -9. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.#isDoomed = true;
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }

  freeze(): void {
    this.#process.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process.kill("SIGCONT");
  }

  /** Tell it to finish what it does, and wait. One that does not is a complaint; one that is still starting has nothing to finish. */
  async finish(): Promise<void> {
    if (!this.#isReady) return this.kill();
    await this.#process.stop({ graceMs: FINISH_GRACE_MS });
  }

  #onReady(): void {
    this.#isReady = true;
    this.#resolveReady();
  }

  /** Resolves when it has ended by itself, or was ended. */
  async ended(): Promise<void> {
    await this.#process.exited;
  }
}
