/**
 * Recorder: the one who writes down what the log says. It reads the log in order and records it in Postgres.
 *
 *     opening ──▶ recording ──▶ standby     another recorder moved the position
 *        ▲            │            │
 *        └── waiting ◀┴────────────┘        bus or database away, or the other recorder went quiet
 *
 * Its only memory is the position in Postgres: whatever goes wrong, it opens again and reads where it stands. The log is
 * read no further ahead than one batch, and nobody waits for the recorder.
 *
 * - R1: recording a log twice, in any batches, by any number of recorders, gives the same rows (write-batch.ts).
 * - R2: once it has caught up, every entry of the log is a row of `signals` or of `dead_letters`.
 * - R3: a slow or absent database delays the recorder and nothing else.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { BusError, type LogInfo } from "@myelin/bus";
import { openDatabase, type Database, type OwnedDatabase } from "../database.ts";
import { LogRolledBackError, RunsError } from "../errors.ts";
import { BatchReader } from "./batch-reader.ts";
import { checkLog } from "./check-log.ts";
import { checkTables } from "./check-tables.ts";
import { isNotMigrated } from "./database-errors.ts";
import { HeartbeatWriter } from "./heartbeat-writer.ts";
import { openPosition, skipGap, type RecordedPosition } from "./position.ts";
import { PositionWaiters } from "./position-waiters.ts";
import {
  parseRecorderOptions,
  type RecordedBus,
  type RecorderOptions,
  type RecorderSettings,
  type RecorderState,
} from "./recorder-options.ts";
import { dropOldWeeks, purgeLog } from "./retention.ts";
import { witness, writeBatch } from "./write-batch.ts";

/** Bytes of Signals written together at most: Postgres parses a batch as one value, and both sides hold it in memory. */
const BATCH_BYTES = 8 * 1024 * 1024;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
/** How often to look for what may go: four times in what is kept, within these bounds. */
const FIRST_RETENTION_MS = 250;
const LAST_RETENTION_MS = 60_000;

export class Recorder implements AsyncDisposable {
  readonly #bus: RecordedBus;
  readonly #options: RecorderOptions;
  readonly #settings: RecorderSettings;
  readonly #waiters = new PositionWaiters();
  /** Aborts at drain: begin nothing new. */
  readonly #draining = new AbortController();
  #owned: OwnedDatabase | null = null;
  #state: RecorderState = "opening";
  #starting: Promise<void> | null = null;
  #loop: Promise<void> = Promise.resolve();
  #drained: Promise<void> | null = null;
  /** Failures since the last batch. */
  #failures = 0;

  /** Throws `INVALID_OPTION`. Nothing is opened before `start`. */
  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#settings = parseRecorderOptions(options);
    this.#bus = options.bus;
  }

  get state(): RecorderState {
    return this.#state;
  }

  /** The last sequence known to be recorded, by this recorder or the one it stands by for; 0 before the first. */
  position(): number {
    return this.#waiters.position;
  }

  /** Entries of the log that are not recorded yet. Asks the log. */
  async lag(): Promise<number> {
    return Math.max((await this.#bus.info()).lastSeq - this.position(), 0);
  }

  /**
   * Begin to record. Resolves once the position is read and the log compared with it; waits for a database or a bus that is
   * away, until `drain`. Safe to call twice.
   *
   * Rejects with `NOT_MIGRATED`, `LogRolledBackError`, or `CLOSED` after a drain.
   */
  start(): Promise<void> {
    return (this.#starting ??= this.#start());
  }

  /**
   * Resolve when `seq` is recorded, by whomever. Default `timeoutMs` 30_000; on expiry rejects with `TIMEOUT`, on abort with the
   * signal's reason, and when recording stops with why. Safe to call concurrently.
   */
  waitFor(
    seq: number,
    options: { signal?: AbortSignal | undefined; timeoutMs?: number | undefined } = {},
  ): Promise<void> {
    return this.#waiters.waitFor(seq, options);
  }

  /**
   * Finish the batch that is being written, begin no other, let go of the database (S1). What was not recorded waits in the
   * log. A database that does not answer is given a minute. Safe to call twice.
   */
  drain(): Promise<void> {
    return (this.#drained ??= this.#drain());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain();
  }

  async #drain(): Promise<void> {
    this.#draining.abort();
    await this.#starting?.catch(() => {}); // told to whoever called start
    await this.#loop;
    await this.#owned?.close();
    this.#setState("stopped");
    this.#waiters.end(drained());
  }

  async #start(): Promise<void> {
    if (this.#draining.signal.aborted) throw drained();
    const db = this.#options.client ?? (this.#owned = await this.#openDatabase());
    await new Promise<void>((resolve, reject) => {
      this.#loop = this.#run(db, resolve).then(() => reject(drained()), reject);
    });
  }

  #openDatabase(): Promise<OwnedDatabase> {
    return openDatabase(this.#options.databaseUrl!, {
      applicationName: "myelin-recorder",
      maxConnections: 2, // one for batches, one for heartbeats
      preparedStatements: true,
    });
  }

  /** Session after session, until a drain. Rejects with what makes another session senseless. */
  async #run(db: Database, onOpened: () => void): Promise<void> {
    const heartbeats = new HeartbeatWriter(this.#bus, db, this.#settings.logger);
    let hasOpened = false;
    try {
      while (!this.#draining.signal.aborted) {
        try {
          await this.#record(db, async () => {
            if (hasOpened) return;
            await heartbeats.start();
            hasOpened = true;
            onOpened();
          });
        } catch (error) {
          if (this.#draining.signal.aborted) break;
          const fatal = toFatal(error, hasOpened);
          if (fatal) throw fatal;
          await this.#waitAfter(error);
        }
      }
    } catch (error) {
      this.#stop(error as Error);
      throw error;
    } finally {
      await heartbeats.drain();
    }
  }

  /** One session: open the position, copy until somebody or something gets in the way. */
  async #record(db: Database, onOpened: () => Promise<void>): Promise<void> {
    this.#setState("opening");
    const log = await this.#bus.info();
    await checkTables(db);
    let position = await openPosition(db, this.#bus.namespace, log);
    await this.#check(log, position);
    if (log.firstSeq > position.seq + 1) position = await this.#skipGap(db, log, position);
    this.#waiters.move(position.seq);
    await onOpened();
    this.#setState("recording");
    const isOvertaken = await this.#copy(db, log, position);
    if (isOvertaken) await this.#standBy(db, log);
  }

  /**
   * The log begins behind the position: a database that was restored from a copy older than what the log keeps, or a new one
   * beside an old log. What lies between is gone.
   */
  async #skipGap(db: Database, log: LogInfo, position: RecordedPosition): Promise<RecordedPosition> {
    const startedAt = performance.now();
    const lastSeq = log.firstSeq - 1;
    if (await skipGap(db, position, lastSeq)) {
      const missing = lastSeq - position.seq;
      this.#tellGap(position.seq, lastSeq, missing);
      const nothing = { signals: 0, deadLetters: 0, deadTasks: 0, entries: 0 };
      this.#settings.observer.batchWritten?.({ ...nothing, missing, lastSeq, ms: performance.now() - startedAt });
    }
    return openPosition(db, this.#bus.namespace, log);
  }

  #tellGap(behindSeq: number, untilSeq: number, missing: number): void {
    this.#settings.logger.warn({ namespace: this.#bus.namespace, behindSeq, untilSeq, missing }, "recorder.gap");
  }

  /** Copy the log from a position on. Resolves with true when another recorder moved the position, else at a drain. */
  async #copy(db: Database, log: LogInfo, from: RecordedPosition): Promise<boolean> {
    const { batchSize, maxWaitMs, checkIntervalMs, observer } = this.#settings;
    const session = new AbortController();
    const signal = AbortSignal.any([session.signal, this.#draining.signal]);
    let position = from;

    // Nothing is written while the log is in doubt.
    let checked: Promise<void> = Promise.resolve();
    const check = () => {
      checked = checked.then(() => this.#check(log, position)).catch((error: unknown) => session.abort(error));
    };
    const timer = setInterval(check, checkIntervalMs);
    using _status = this.#options.synapse?.onStatus((status) => {
      if (status.type === "reconnected") check();
    });

    const retaining = this.#retain(db, log, signal);
    const source = this.#bus.read({}, { fromSeq: position.seq + 1, follow: true, signal });
    const reader = new BatchReader(source, { batchSize, maxWaitMs, batchBytes: BATCH_BYTES });
    try {
      for (;;) {
        const entries = await reader.next();
        await checked;
        session.signal.throwIfAborted();
        if (this.#draining.signal.aborted) return false;
        if (!entries) throw new Error("the log could not be read on");
        const before = performance.now();
        const result = await writeBatch(
          db,
          { logId: position.logId, namespace: this.#bus.namespace },
          position.seq,
          entries,
        );
        if (!result) return true;
        const { seq, storedAt } = entries.at(-1)!;
        if (result.missing > 0) this.#tellGap(position.seq, seq, result.missing);
        position = { logId: position.logId, seq, storedAt, signalId: witness(entries.at(-1)!) };
        this.#failures = 0;
        observer.batchWritten?.({ ...result, entries: entries.length, lastSeq: seq, ms: performance.now() - before });
        this.#waiters.move(seq);
      }
    } finally {
      clearInterval(timer);
      session.abort();
      reader.close();
      await reader.done;
      await checked;
      await retaining;
    }
  }

  /** Delete what is not needed any more, now and then, until the signal aborts. Never rejects: it is tried again. */
  async #retain(db: Database, log: LogInfo, signal: AbortSignal): Promise<void> {
    const { keepLogMs, keepSignalsMs, logger, observer } = this.#settings;
    if (keepLogMs === null && keepSignalsMs === null) return;
    const shortest = Math.min(keepLogMs ?? Infinity, keepSignalsMs ?? Infinity);
    const intervalMs = Math.min(Math.max(shortest / 4, FIRST_RETENTION_MS), LAST_RETENTION_MS);
    let failures = 0;
    for (;;) {
      await sleep(intervalMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      try {
        const purged = keepLogMs === null ? 0 : await purgeLog(this.#bus, db, log, keepLogMs);
        const droppedWeeks = keepSignalsMs === null ? [] : await dropOldWeeks(db, keepSignalsMs);
        failures = 0;
        if (purged === 0 && droppedWeeks.length === 0) continue;
        logger.debug({ namespace: this.#bus.namespace, purged, droppedWeeks }, "recorder.retained");
        observer.retained?.({ purged, droppedWeeks });
      } catch (error) {
        if (failures++ === 0) logger.warn({ namespace: this.#bus.namespace, error }, "recorder.retention-failed");
      }
    }
  }

  /**
   * Another recorder writes. Look on, and return when it has gone quiet: the log holds more than is recorded, and nothing has
   * moved since the last look.
   */
  async #standBy(db: Database, log: LogInfo): Promise<void> {
    this.#setState("standby");
    for (let before = -1; ; before = this.#waiters.position) {
      const { seq } = await openPosition(db, this.#bus.namespace, log);
      const { lastSeq, createdAt } = await this.#bus.info();
      if (seq === before && (lastSeq > seq || createdAt.getTime() !== log.createdAt.getTime())) return;
      this.#waiters.move(seq);
      await sleep(this.#settings.standbyIntervalMs, undefined, { signal: this.#draining.signal });
    }
  }

  async #check(log: LogInfo, position: RecordedPosition): Promise<void> {
    const isSame = await checkLog(this.#bus, log.createdAt, position);
    if (!isSame) throw new Error("the log was deleted and made again; it is recorded as another one");
  }

  async #waitAfter(error: unknown): Promise<void> {
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures++, LAST_RETRY_MS) * (0.5 + Math.random() / 2);
    const fields = { namespace: this.#bus.namespace, position: this.position(), error, delayMs };
    // Once per outage, not once per try.
    if (this.#failures === 1) this.#settings.logger.warn(fields, "recorder.waiting");
    else this.#settings.logger.debug(fields, "recorder.waiting");
    this.#setState("waiting");
    await sleep(delayMs, undefined, { signal: this.#draining.signal }).catch(() => {}); // drained: the loop sees it
  }

  #stop(error: Error): void {
    this.#setState("stopped");
    this.#settings.logger.error(
      { namespace: this.#bus.namespace, position: this.position(), error },
      "recorder.stopped",
    );
    this.#waiters.end(error);
    this.#settings.observer.stopped?.(error);
  }

  #setState(state: RecorderState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#settings.logger.debug({ namespace: this.#bus.namespace, position: this.position() }, `recorder.${state}`);
    this.#settings.observer.stateChanged?.(state);
  }
}

const drained = () => new RunsError("CLOSED", "the Recorder was drained; make another");

/** What no other try will change; null when it may pass. */
function toFatal(error: unknown, hasOpened: boolean): Error | null {
  if (error instanceof LogRolledBackError) return error;
  if (error instanceof BusError && error.code === "CLOSED") return error;
  // Later it is somebody who takes the tables away for a while: a restore, most likely.
  if (isNotMigrated(error) && !hasOpened) {
    const message = "the tables are missing, or older than this code; run migrate(databaseUrl) first";
    return new RunsError("NOT_MIGRATED", message, { cause: error });
  }
  return null;
}
