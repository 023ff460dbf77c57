/** Start a guarded process and wait until it says that it is ready. */
import { DevServerError, throwIfAborted } from "./errors.ts";
import type { GuardedProcess } from "./guarded-process.ts";

/** Recovery after a crash takes a while; longer than this is a hang. */
const READY_TIMEOUT_MS = 60_000;
const REMEMBERED_LINES = 20;

export interface LaunchOptions {
  readonly name: string;
  /** Matches the line that says the server accepts connections. */
  readonly ready: RegExp;
  readonly signal?: AbortSignal | undefined;
  /** Calls `spawnGuarded` with this `onLine`. */
  spawn(onLine: (line: string) => void): GuardedProcess;
}

/**
 * Resolves when the ready line has been seen. On exit, abort, or after 60 s nothing is left running, the temporary
 * directory is left to the caller, and `start-failed` (with the last lines) or `aborted` is thrown.
 */
export async function launch({ name, ready, signal, spawn }: LaunchOptions): Promise<GuardedProcess> {
  throwIfAborted(signal, `starting ${name}`);
  const lines: string[] = [];
  let onReady = () => {};
  const child = spawn((line) => {
    lines.push(line);
    if (lines.length > REMEMBERED_LINES) lines.shift();
    if (ready.test(line)) onReady();
  });

  let timer: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  const failure = await new Promise<DevServerError | undefined>((resolve) => {
    const fail = (code: "start-failed" | "aborted", message: string, cause?: unknown) =>
      resolve(new DevServerError(code, message, { cause }));
    onReady = () => resolve(undefined);
    onAbort = () => fail("aborted", `starting ${name} was aborted`, signal?.reason);
    signal?.addEventListener("abort", onAbort);
    timer = setTimeout(() => {
      fail("start-failed", `${name} was not ready within ${READY_TIMEOUT_MS} ms:\n${lines.join("\n")}`);
    }, READY_TIMEOUT_MS);
    void child.exited.then((status) => {
      fail("start-failed", `${name} ended with ${status.signal ?? `code ${status.code}`}:\n${lines.join("\n")}`);
    });
  });
  clearTimeout(timer);
  signal?.removeEventListener("abort", onAbort);
  if (failure === undefined) return child;
  await child.terminate();
  await child.release({ keep: true });
  throw failure;
}
