/** What a Recorder is told, checked. */
import { silentLogger, type Bus, type Logger, type Synapse } from "@myelin/bus";
import type { Database } from "../database.ts";
import type { LogRolledBackError } from "../errors.ts";
import { checkDatabaseOption, wholeNumber } from "../options.ts";
import type { BatchResult } from "./write-batch.ts";

/** What of a namespace a Recorder uses. */
export type RecordedBus = Pick<Bus, "namespace" | "read" | "get" | "info" | "subscribe" | "purge">;

export interface RecorderOptions {
  /** The namespace to record: `await synapse.open(namespace)`. Whoever opened the Synapse drains it, after the Recorder. */
  bus: RecordedBus;
  /** Where to record, over connections of its own. Either this or `client`. */
  databaseUrl?: string | undefined;
  /** A Prisma client of the database to record in; it stays yours to close. */
  client?: Database | undefined;
  /** The connection of `bus`: lets the Recorder look at the log at once when it was away, not only every minute. */
  synapse?: Pick<Synapse, "onStatus"> | undefined;
  /** Entries written together at most. Default 1_000. */
  batchSize?: number | undefined;
  /** How long an entry may wait for others to be written with. Default 5. */
  maxWaitMs?: number | undefined;
  /** How often to compare the log with what was recorded from it. Default 60_000. */
  checkIntervalMs?: number | undefined;
  /** How often a standby looks whether the other recorder still works. Default 1_000. */
  standbyIntervalMs?: number | undefined;
  /**
   * How long the log keeps what is recorded and of no open run; older entries are purged, by the recorder that writes. Null
   * purges nothing: needed when another database records the same log. Default 600_000 (10 min).
   */
  keepLogMs?: number | null | undefined;
  /** How long Postgres keeps `signals`; weeks that ended longer ago are dropped. Default null: for ever. */
  keepSignalsMs?: number | null | undefined;
  logger?: Logger | undefined;
  observer?: RecorderObserver | undefined;
}

/** A Recorder's work as events, for metrics. Every method is optional, is called synchronously, and must not throw. */
export interface RecorderObserver {
  /** A batch was committed. `lastSeq` is the position now; `ms` is the time Postgres and the encoding took. */
  batchWritten?(batch: BatchResult & { entries: number; lastSeq: number; ms: number }): void;
  /** Old entries of the log were purged, or old weeks of `signals` dropped. */
  retained?(event: { purged: number; droppedWeeks: readonly string[] }): void;
  /** Whether this Recorder writes, watches another one do so, or waits for the bus or the database. */
  stateChanged?(state: RecorderState): void;
  /** Recording ended by itself: the log was rolled back, or the Synapse closed. Nothing more is written. */
  stopped?(error: LogRolledBackError | Error): void;
}

/**
 * - `opening`: finds its position · `recording`: writes · `standby`: another recorder writes, this one takes over when it stops
 * - `waiting`: bus or database is away, tries again · `stopped`: for good
 */
export type RecorderState = "opening" | "recording" | "standby" | "waiting" | "stopped";

/** A hundred years. */
const MAX_KEEP_MS = 3_155_760_000_000;

export interface RecorderSettings {
  readonly batchSize: number;
  readonly maxWaitMs: number;
  readonly checkIntervalMs: number;
  readonly standbyIntervalMs: number;
  readonly keepLogMs: number | null;
  readonly keepSignalsMs: number | null;
  readonly logger: Logger;
  readonly observer: RecorderObserver;
}

/** Options with their defaults. Throws `INVALID_OPTION`. */
export function parseRecorderOptions(options: RecorderOptions): RecorderSettings {
  checkDatabaseOption("a Recorder", options);
  return {
    batchSize: wholeNumber("batchSize", options.batchSize, 1_000, 1, 10_000),
    maxWaitMs: wholeNumber("maxWaitMs", options.maxWaitMs, 5, 0, 10_000),
    checkIntervalMs: wholeNumber("checkIntervalMs", options.checkIntervalMs, 60_000, 10, 3_600_000),
    standbyIntervalMs: wholeNumber("standbyIntervalMs", options.standbyIntervalMs, 1_000, 10, 60_000),
    keepLogMs: options.keepLogMs === null ? null : wholeNumber("keepLogMs", options.keepLogMs, 600_000, 0, MAX_KEEP_MS),
    keepSignalsMs:
      options.keepSignalsMs == null ? null : wholeNumber("keepSignalsMs", options.keepSignalsMs, 0, 0, MAX_KEEP_MS),
    logger: options.logger ?? silentLogger,
    observer: options.observer ?? {},
  };
}
