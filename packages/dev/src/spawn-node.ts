/** Start a Node program of our own that ends with us, whatever it does and however we end. */
import { spawnGuarded } from "./guarded-process.ts";
import type { ExitStatus } from "./guarded-process.ts";

export interface SpawnNodeOptions {
  /** The program. */
  readonly file: string;
  readonly args?: readonly string[] | undefined;
  /** Arguments for Node itself, such as `--import tsx --conditions=source`. Default: none. */
  readonly execArgv?: readonly string[] | undefined;
  /** The whole environment. Default: `PATH` alone. Undefined values are left out, so `{ ...process.env, X }` is fine. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Default: ours. */
  readonly cwd?: string | undefined;
  /** Every line of its output. Default: read and dropped. */
  readonly onLine?: ((line: string, stream: "stdout" | "stderr") => void) | undefined;
  /** Time between SIGTERM and SIGKILL, for `stop` and when we are gone. Default 5_000. */
  readonly graceMs?: number | undefined;
}

export interface NodeProcess extends AsyncDisposable {
  readonly pid: number;
  /** Settles once, after the last line of output. Never rejects. */
  readonly exited: Promise<ExitStatus>;
  /** Send a signal, default SIGKILL. False when it has gone already. */
  kill(signal?: NodeJS.Signals): boolean;
  /** SIGTERM, and SIGKILL after `graceMs`. Resolves with the exit. May be called again, and after the exit. */
  stop(options?: { readonly graceMs?: number | undefined }): Promise<ExitStatus>;
}

/**
 * Start `node [execArgv] file [args]` in a session of its own: the terminal's Ctrl-C does not reach it. When this
 * process ends, also by kill -9, the child gets SIGTERM and, `graceMs` later, SIGKILL; it needs no code for that.
 */
export function spawnNode(options: SpawnNodeOptions): NodeProcess {
  const { file, args = [], execArgv = [], graceMs = 5_000 } = options;
  const env = options.env ?? { PATH: process.env["PATH"] };
  const child = spawnGuarded({
    command: process.execPath,
    args: [...execArgv, file, ...args],
    cwd: options.cwd ?? process.cwd(),
    env: Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined)),
    stopSignal: "SIGTERM",
    graceMs,
    onLine: options.onLine,
  });
  const exited = child.exited.then(async (status) => {
    await child.release();
    return status;
  });
  async function stop({ graceMs: grace = graceMs } = {}): Promise<ExitStatus> {
    await child.terminate(grace);
    return exited;
  }
  return {
    pid: child.pid,
    exited,
    kill: (signal = "SIGKILL") => child.signal(signal),
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}
