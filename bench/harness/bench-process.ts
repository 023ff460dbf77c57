/**
 * BenchProcess: a Node process that measures or works for us. It is forked into our process group and ends with us: when
 * we are gone, also by kill -9, its channel closes and it exits.
 */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Answer, Request } from "./child.ts";
import { PEERS_DIRECTORY, PEERS_VARIABLE } from "./peers.ts";

/** Between the polite stop and SIGKILL. */
const STOP_GRACE_MS = 3_000;

export class BenchProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #pending: { resolve: (result: unknown) => void; reject: (error: Error) => void } | undefined;
  #hasExited = false;
  #output = "";

  /** Fork a program that calls `serveParent`. */
  constructor(file: URL, execArgv: readonly string[] = []) {
    this.#child = fork(fileURLToPath(file), {
      execArgv: [...execArgv],
      env: { ...process.env, [PEERS_VARIABLE]: PEERS_DIRECTORY },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    const keep = (chunk: Buffer) => (this.#output = (this.#output + chunk.toString()).slice(-4_000));
    this.#child.stdout?.on("data", keep);
    this.#child.stderr?.on("data", keep);
    this.#child.on("message", (message) => this.#onAnswer(message as Answer));
    this.#exited = new Promise((resolve) => {
      const gone = (reason: string) => {
        this.#hasExited = true;
        this.#pending?.reject(new Error(`a bench process ended early (${reason})\n${this.#output}`));
        this.#pending = undefined;
        resolve();
      };
      this.#child.once("exit", (code, signal) => gone(signal ?? `exit ${code}`));
      this.#child.once("error", (error) => gone(error.message));
    });
  }

  /** Ask, and wait for the answer. One request at a time. Rejects with what the child threw, or when it is gone. */
  call<T>(name: string, argument?: unknown): Promise<T> {
    if (this.#pending) throw new Error(`a bench process was asked for ${name} while it was still busy`);
    if (this.#hasExited) return Promise.reject(new Error(`a bench process has ended\n${this.#output}`));
    return new Promise<T>((resolve, reject) => {
      this.#pending = { resolve: resolve as (result: unknown) => void, reject };
      this.#child.send({ name, argument } satisfies Request, (error) => error && reject(error));
    });
  }

  /** Ask it to stop, then force it. May be called at any time, and again. */
  async stop(): Promise<void> {
    if (this.#hasExited) return this.#exited;
    const force = setTimeout(() => this.#child.kill("SIGKILL"), STOP_GRACE_MS);
    // A child that is busy does not finish: what it was doing is not wanted any more.
    if (this.#pending) this.#child.kill("SIGKILL");
    else this.call("stop").catch(() => {});
    await this.#exited;
    clearTimeout(force);
  }

  #onAnswer(answer: Answer): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if ("error" in answer) pending?.reject(new Error(answer.error));
    else pending?.resolve(answer.result);
  }
}
