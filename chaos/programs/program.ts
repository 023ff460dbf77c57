/** What our programs have in common: one JSON argument, a line when they are ready, and SIGTERM to finish. */

/** The argument of every program. Each adds its own. */
export interface ProgramArgument {
  readonly natsUrl: string;
  readonly namespace: string;
  /** Where to note facts. */
  readonly factFile: string;
  /** What the process is called, in facts and in the roster. */
  readonly name: string;
  /** The lease of a task. */
  readonly ackWaitMs: number;
}

export const READY = "ready";

export const readArgument = <T extends ProgramArgument>(): T => JSON.parse(process.argv[2] ?? "{}") as T;

export const sayReady = (): void => void process.stdout.write(`${READY}\n`);

/** Resolves at SIGTERM. */
export const untilTerminated = (): Promise<void> => new Promise((resolve) => process.once("SIGTERM", () => resolve()));

/** A Logger that says on stderr what went wrong: the last lines are shown when a process ends by itself. */
const say =
  (level: string) =>
  (fields: object, event: string): void => {
    const error = (fields as { err?: unknown; error?: unknown }).err ?? (fields as { error?: unknown }).error;
    const reason = error instanceof Error ? error.message : JSON.stringify(fields);
    process.stderr.write(`${level} ${event}: ${reason}\n`);
  };
const silent = (): void => {};
export const logger = { debug: silent, info: silent, warn: say("warn"), error: say("error") };
