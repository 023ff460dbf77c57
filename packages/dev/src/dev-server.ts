/**
 * DevServer: one started server with the levers that tests pull. The same for NATS and PostgreSQL.
 *
 * States: running <--kill, crash / restart--> down; either --stop--> stopped (final). Operations queue one behind the
 * other, so a `stop` during a `restart` stops what the restart has started.
 */
import { DevServerError } from "./errors.ts";
import type { GuardedProcess } from "./guarded-process.ts";
import type { ServerHome } from "./server-home.ts";

export interface DevServer extends AsyncDisposable {
  /** Stays the same over restarts. */
  readonly url: string;
  /** On 127.0.0.1. Stays the same over restarts. */
  readonly port: number;
  /** Of the process that runs now, or ran last. For SIGSTOP and the like: `process.kill(server.pid, ...)`. */
  readonly pid: number;
  /** Where the data is. Not always the `dataDir` asked for: see `openServerHome`. */
  readonly dataDir: string;
  /** Resolves with a sentence when it ended without having been asked to by this object. */
  readonly died: Promise<string>;
  /**
   * Stop in order (SIGKILL after 5 s), and remove the data if it was temporary. Also after a crash. Idempotent.
   */
  stop(): Promise<void>;
  /** End it with a signal, default SIGKILL, and wait for the exit. The data stays; `restart` brings it back. */
  kill(signal?: "SIGKILL" | "SIGTERM" | "SIGINT" | "SIGQUIT"): Promise<void>;
  /** Start again on the same port and data, stopping first what still runs. Throws `stopped` after `stop`. */
  restart(): Promise<void>;
}

export interface LaunchedServer {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly home: ServerHome;
  /** Start the process again, and wait until it is ready. */
  launch(): Promise<GuardedProcess>;
}

/** Wrap a first process that is ready already. */
export function createDevServer(server: LaunchedServer, first: GuardedProcess): DevServer {
  const { name, url, port, home } = server;
  let current = first;
  let stopping: Promise<void> | undefined;
  /** Whether its end is what was asked for. */
  let isAsked = false;
  let onDeath: (sentence: string) => void = () => {};
  const died = new Promise<string>((resolve) => (onDeath = resolve));
  const watch = (running: GuardedProcess) =>
    void running.exited.then(({ code, signal }) => {
      if (!isAsked) onDeath(`${name} on port ${port} ended with ${signal ?? `code ${code}`}`);
    });
  watch(first);
  let queue: Promise<unknown> = Promise.resolve();

  function enqueue<T>(operation: () => Promise<T>): Promise<T> {
    const result = queue.then(operation);
    queue = result.catch(() => {}); // reported to its caller; the next one runs all the same
    return result;
  }

  function refuseWhenStopped(what: string): void {
    if (stopping) throw new DevServerError("stopped", `cannot ${what} ${name} on port ${port}: it was stopped`);
  }

  function stop(): Promise<void> {
    stopping ??= enqueue(async () => {
      isAsked = true;
      await current.terminate();
      await current.release();
    });
    return stopping;
  }

  return {
    url,
    port,
    dataDir: home.directory,
    died,
    get pid() {
      return current.pid;
    },
    stop,
    [Symbol.asyncDispose]: stop,
    async kill(signal = "SIGKILL") {
      refuseWhenStopped("kill");
      await enqueue(async () => {
        isAsked = true;
        current.signal(signal);
        await current.exited;
      });
    },
    async restart() {
      refuseWhenStopped("restart");
      await enqueue(async () => {
        isAsked = true;
        await current.terminate();
        // The old watcher is let go only when the new one is there: the temporary directory is never unguarded.
        const next = await server.launch();
        await current.release({ keep: true });
        current = next;
        isAsked = false;
        watch(next);
      });
    },
  };
}
