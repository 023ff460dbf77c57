/** What a Sweeper is told, checked. */
import { silentLogger, type Bus, type Logger } from "@myelin/bus";
import type { Database } from "../database.ts";
import { checkDatabaseOption, wholeNumber } from "../options.ts";

/** What of a namespace a Sweeper uses. */
export type SweptBus = Pick<Bus, "namespace" | "info" | "get" | "lastOf" | "append">;

export interface SweeperOptions {
  /** The namespace to sweep: `await synapse.open(namespace)`. Whoever opened the Synapse drains it, after the Sweeper. */
  bus: SweptBus;
  /** Where its runs are recorded, over a connection of its own. Either this or `client`. */
  databaseUrl?: string | undefined;
  /** A Prisma client of that database; it stays yours to close. */
  client?: Database | undefined;
  /** How often to look for runs whose time is up. Default 250. */
  intervalMs?: number | undefined;
  /** How long after its deadline a run is left alone, for the worker that is just answering. Default 400. */
  graceMs?: number | undefined;
  /** How long a run that was answered may stand still before the task that wakes it is sent for its submitter. Default 3_000. */
  wakeGraceMs?: number | undefined;
  logger?: Logger | undefined;
  observer?: SweeperObserver | undefined;
}

/** A Sweeper's work as events, for metrics. Must not throw. */
export interface SweeperObserver {
  /** A run was ended, by this Sweeper and nobody before it. `lateMs` counts from its deadline until the log had it. */
  runEnded?(event: { runId: string; neuronId: string | null; lateMs: number }): void;
}

export interface SweeperSettings {
  readonly intervalMs: number;
  readonly graceMs: number;
  readonly wakeGraceMs: number;
  readonly logger: Logger;
  readonly observer: SweeperObserver;
}

/** Options with their defaults. Throws `INVALID_OPTION`. */
export function parseSweeperOptions(options: SweeperOptions): SweeperSettings {
  checkDatabaseOption("a Sweeper", options);
  return {
    intervalMs: wholeNumber("intervalMs", options.intervalMs, 250, 10, 60_000),
    graceMs: wholeNumber("graceMs", options.graceMs, 400, 0, 60_000),
    wakeGraceMs: wholeNumber("wakeGraceMs", options.wakeGraceMs, 3_000, 0, 60_000),
    logger: options.logger ?? silentLogger,
    observer: options.observer ?? {},
  };
}
