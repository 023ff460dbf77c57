/**
 * A guarded process: a child that cannot outlive us, not even when we are killed with -9.
 *
 * `/bin/sh` forks a watcher and then becomes the child itself (`exec`), so pid, exit code and signals are the child's
 * own. The watcher reads a pipe whose other end only we hold. States of the watcher:
 *
 *   watching --"exited" line--> tidying --"keep" line--> ends, the temporary directory stays
 *      |                           +------end of pipe--> removes the temporary directory, ends
 *      +--end of pipe (we are gone)--> stop signal, SIGKILL after the grace, removes the directory, ends
 *
 * Invariants: the pid is signalled only before we reported its exit (no reused pid is hit); the directory goes only
 * after the child has gone. A watcher in sh costs 2 ms and 1 MB; one in Node would cost 40 ms and 40 MB.
 *
 * The child has its own session: the terminal's Ctrl-C reaches only us, and we stop children in our order.
 */
import { spawn } from "node:child_process";
import type { Duplex, Readable } from "node:stream";
import { DevServerError } from "./errors.ts";
import type { Owner } from "./owner.ts";

// SIGPIPE is ignored (and stays so across exec): a Go program would otherwise die unflushed on its first log line
// after we are gone. "( ( ... ) & )" makes the watcher no child of the server, which might wonder about it.
const GUARDIAN = `
signal=$1 tenths=$2 temporary=$3
shift 3
trap '' PIPE
( (
  exec >/dev/null 2>&1
  word=
  read -r word <&3
  if [ "$word" = exited ]; then
    word=
    read -r word <&3
  else
    kill -s "$signal" $$
    while [ "$tenths" -gt 0 ] && kill -0 $$; do sleep 0.1; tenths=$((tenths - 1)); done
    kill -0 $$ && kill -s KILL $$
  fi
  if [ "$word" != keep ] && [ -n "$temporary" ]; then
    rm -rf "$temporary" || { sleep 0.5; rm -rf "$temporary"; }
  fi
) & )
exec "$@" 3>&-
`;

/** How long `exited` waits for the rest of the output; a grandchild that holds the pipe must not hold us. */
const OUTPUT_GRACE_MS = 200;

export interface ExitStatus {
  /** Exit code, or null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface GuardedProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Must be readable for `owner`. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** User to run as. Default: ours. */
  readonly owner?: Owner | undefined;
  /** What the child understands as "finish". */
  readonly stopSignal: "SIGTERM" | "SIGINT";
  /** Time between `stopSignal` and SIGKILL, also when we are gone. */
  readonly graceMs: number;
  /** A directory to remove when the child has gone, unless it is released with `keep`. `owner` must be able to. */
  readonly temporaryDirectory?: string | undefined;
  readonly onLine?: ((line: string, stream: "stdout" | "stderr") => void) | undefined;
}

export interface GuardedProcess {
  readonly pid: number;
  /** Settles once, when the child has gone and its output has been read. Never rejects. */
  readonly exited: Promise<ExitStatus>;
  /** Send a signal. False when the child has gone. */
  signal(name: NodeJS.Signals): boolean;
  /** `stopSignal`, then SIGKILL after `graceMs` (default: that of the options). May be called repeatedly. */
  terminate(graceMs?: number): Promise<ExitStatus>;
  /** After the exit: let the watcher finish. `keep` leaves the temporary directory in place. */
  release(options?: { readonly keep?: boolean }): Promise<void>;
}

/** Start `command` under guard. Throws `unsupported-platform`, or `start-failed` when nothing could be spawned. */
export function spawnGuarded(options: GuardedProcessOptions): GuardedProcess {
  if (process.platform === "win32") {
    throw new DevServerError("unsupported-platform", "servers can be started on Linux and macOS; on Windows use WSL");
  }
  const { command, args, owner, onLine } = options;
  const child = spawn(
    "/bin/sh",
    [
      ...["-c", GUARDIAN, "guardian", options.stopSignal.slice("SIG".length)],
      ...[String(Math.ceil(options.graceMs / 100)), options.temporaryDirectory ?? "", command, ...args],
    ],
    {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      // The leash is not stdin, because Node closes a child's stdin as soon as the child has exited.
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      ...(owner === undefined ? {} : { uid: owner.uid, gid: owner.gid }),
    },
  );
  const stdout = child.stdout as Readable;
  const stderr = child.stderr as Readable;
  const leash = child.stdio[3] as Duplex;
  const { pid } = child;
  // A failed spawn is reported just below, in words; a signal that could not be sent is seen by the exit not coming.
  child.on("error", () => {});
  if (pid === undefined) {
    throw new DevServerError("start-failed", `cannot start ${command} in ${options.cwd}: spawning /bin/sh failed`);
  }
  // EPIPE: the watcher has been killed by somebody; there is nobody left to tell.
  leash.on("error", () => {});
  const watcherGone = new Promise<void>((resolve) => leash.once("close", resolve));
  leash.resume();
  const outputRead = Promise.all([
    readLines(stdout, (line) => onLine?.(line, "stdout")),
    readLines(stderr, (line) => onLine?.(line, "stderr")),
  ]);

  let hasExited = false;
  const exited = new Promise<ExitStatus>((resolve) => {
    child.once("exit", (code, signal) => {
      hasExited = true;
      leash.write("exited\n");
      const giveUp = setTimeout(() => resolve({ code, signal }), OUTPUT_GRACE_MS);
      void outputRead.then(() => {
        clearTimeout(giveUp);
        resolve({ code, signal });
      });
    });
  });
  const signal = (name: NodeJS.Signals): boolean => !hasExited && child.kill(name);

  return {
    pid,
    exited,
    signal,
    async terminate(graceMs = options.graceMs) {
      signal(options.stopSignal);
      const force = setTimeout(() => signal("SIGKILL"), graceMs);
      const status = await exited;
      clearTimeout(force);
      return status;
    },
    async release({ keep = false } = {}) {
      await exited;
      leash.end(keep ? "keep\n" : undefined);
      await watcherGone;
      stdout.destroy();
      stderr.destroy();
    },
  };
}

function readLines(stream: Readable, onLine: (line: string) => void): Promise<void> {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  });
  return new Promise((resolve) => {
    stream.once("close", () => {
      if (rest !== "") onLine(rest);
      resolve();
    });
  });
}
