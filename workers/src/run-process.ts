/** runProcess: the life of each of our processes: environment, logger, work, signal, orderly end. */
import type { Logger } from "pino";
import { EnvError, readEnv, secretsOf, type Env } from "./env.ts";
import { createLogger } from "./logger.ts";
import { Shutdown } from "./shutdown.ts";
import type { VariableName } from "./variables.ts";

export interface ProcessContext<N extends VariableName> {
  readonly env: Env<N>;
  readonly logger: Logger;
  /** Defer to it whatever is opened. */
  readonly shutdown: Shutdown;
}

/**
 * Run `main`, which opens things and returns; then wait for SIGTERM or SIGINT, close everything, and exit. Never resolves.
 *
 * What a person can mend (environment, server away, option) is one line on stderr and exit code 1, without a stack.
 */
export async function runProcess<N extends VariableName>(
  name: string,
  variables: readonly N[],
  main: (context: ProcessContext<N>) => Promise<void>,
): Promise<never> {
  const env = orExit(() => readEnv([...variables, "LOG_LEVEL"]));
  const logger = createLogger(name, { level: env.LOG_LEVEL, secrets: secretsOf(env) });
  const shutdown = new Shutdown(logger, (code) => process.exit(code));
  using _signals = shutdown.listen();
  const crash = (error: unknown) => {
    logger.fatal({ err: error }, "process.crashed");
    process.exit(1);
  };
  process.on("uncaughtException", crash).on("unhandledRejection", crash);

  // A signal during the start ends it there: what was opened so far is closed.
  const started = main({ env: env as Env<N>, logger, shutdown }).catch((error: unknown) => {
    if (shutdown.signal.aborted) return;
    complain(error, logger);
    shutdown.fail(error);
  });
  await Promise.race([started.then(() => shutdown.asked()), shutdown.asked()]);
  const code = await shutdown.close();
  logger.info({ code }, "process.stopped");
  process.exit(code);
}

function orExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof EnvError)) throw error;
    for (const problem of error.problems) process.stderr.write(`${problem}\n`);
    process.exit(1);
  }
}

function complain(error: unknown, logger: Logger): void {
  if (isForPeople(error)) process.stderr.write(`${error.message}\n`);
  else logger.fatal({ err: error }, "process.start.failed");
}

/**
 * All errors of ours have a code and a message for whoever started the process; so have those of the operating system
 * (EADDRINUSE). Node's own `ERR_…` and errors without a code are faults in a program, and want their stack.
 */
function isForPeople(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const { code, kind = code } = error as { code?: unknown; kind?: unknown };
  return typeof kind === "string" && !kind.startsWith("ERR_");
}
