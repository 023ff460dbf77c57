/**
 * Sweeper: ends what time must end. A run that is recorded as open, whose deadline has passed (or whose question has
 * expired), and of which the log knows no end, gets the ERROR that no worker will send. And a run whose pause was answered gets
 * the TASK that its submitter did not live to send; one that waits for children, their ends. It only appends Signals: what becomes of the run, the recorder writes.
 *
 * A1: a TASK that nobody answers ends within a second of its deadline, for as long as the recorder keeps up.
 * Any number of them do no harm: see end-run.ts. It has no memory but of what it has just done.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { BusError } from "@myelin/bus";
import { openDatabase, type Database, type OwnedDatabase } from "../database.ts";
import { RunsError } from "../errors.ts";
import { listDueRuns, type DuePlace, type DueRun } from "./due-runs.ts";
import { endRun } from "./end-run.ts";
import { listLostWakes, sendWake } from "./lost-wakes.ts";
import { listUntoldParents, tellParent } from "./untold-parents.ts";
import { parseSweeperOptions, type SweeperOptions, type SweeperSettings, type SweptBus } from "./sweeper-options.ts";

/** Runs read from the database at a time. */
const PAGE = 500;
/** Runs looked up in the log and ended at a time. */
const AT_ONCE = 128;
/** What was dealt with stays due until it is recorded, and is looked at again when that takes longer than this. */
const LOOK_AGAIN_MS = 30_000;
/** How often to ask whether the log is still the same. */
const LOG_CHECK_MS = 5_000;
const LONGEST_PAUSE_MS = 5_000;
/** How often at most to look for runs that were not woken: it reads all that are at work and were still for a while. */
const WAKE_EVERY_MS = 2_000;

export class Sweeper implements AsyncDisposable {
  readonly #bus: SweptBus;
  readonly #options: SweeperOptions;
  readonly #settings: SweeperSettings;
  readonly #draining = new AbortController();
  /** When a run was dealt with, by run and cause, in ms of `performance.now()`. */
  readonly #dealtWith = new Map<string, number>();
  #log: { namespace: string; createdAt: Date } | null = null;
  #logCheckedAt = -Infinity;
  #wokenAt = -Infinity;
  #owned: OwnedDatabase | null = null;
  #loop: Promise<void> | null = null;

  /** Throws `INVALID_OPTION`. Nothing is opened before `start`. */
  constructor(options: SweeperOptions) {
    this.#options = options;
    this.#settings = parseSweeperOptions(options);
    this.#bus = options.bus;
  }

  /**
   * Begin to sweep, until `drain` or until the Synapse is drained. A database or a bus that is away is waited for. Safe to call
   * twice. Rejects with `INVALID_OPTION` for what is no database URL, with `CLOSED` after a drain.
   */
  async start(): Promise<void> {
    if (this.#draining.signal.aborted) throw new RunsError("CLOSED", "the Sweeper was drained; make another");
    if (this.#loop) return;
    const opening = this.#options.client ?? this.#openDatabase();
    this.#loop = Promise.resolve(opening).then(
      (db) => this.#run(db),
      () => {}, // told to whoever called start
    );
    await opening;
  }

  /** Finish the runs it is at, begin no other (S1). Safe to call twice. */
  async drain(): Promise<void> {
    this.#draining.abort();
    await this.#loop;
    await this.#owned?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain();
  }

  async #openDatabase(): Promise<OwnedDatabase> {
    const settings = { applicationName: "myelin-sweeper", maxConnections: 1, readOnly: true, preparedStatements: true };
    return (this.#owned = await openDatabase(this.#options.databaseUrl!, settings));
  }

  /** Sweep after sweep. Never rejects. */
  async #run(db: Database): Promise<void> {
    const { intervalMs, logger } = this.#settings;
    const { namespace } = this.#bus;
    let failures = 0;
    while (!this.#draining.signal.aborted) {
      try {
        await this.#wake(db);
        await this.#sweep(db);
        failures = 0;
      } catch (error) {
        if (error instanceof BusError && error.code === "CLOSED") return;
        // Once per outage, not once per try.
        if (failures++ === 0) logger.warn({ namespace, error }, "sweeper.waiting");
      }
      const pauseMs = Math.min(intervalMs * 2 ** Math.min(failures, 10), Math.max(intervalMs, LONGEST_PAUSE_MS));
      await sleep(pauseMs, undefined, { signal: this.#draining.signal }).catch(() => {}); // drained: the loop sees it
    }
  }

  /** Everything that is due now. */
  async #sweep(db: Database): Promise<void> {
    const until = new Date(Date.now() - this.#settings.graceMs);
    if (performance.now() - this.#logCheckedAt > LOG_CHECK_MS) await this.#checkLog();
    const seen = new Set<string>();
    let after: DuePlace | null = null;
    do {
      const log = this.#log!;
      const runs: DueRun[] = await listDueRuns(db, log, { until, after, limit: PAGE });
      for (const run of runs) seen.add(keyOf(run));
      const fresh = runs.filter((run) => !this.#isDealtWith(run));
      // Before anything is said about a log that was deleted meanwhile.
      if (fresh.length > 0 && !(await this.#checkLog())) return;
      for (let at = 0; at < fresh.length && !this.#draining.signal.aborted; at += AT_ONCE) {
        const settled = await Promise.allSettled(fresh.slice(at, at + AT_ONCE).map((run) => this.#end(db, run)));
        const failed = settled.find((one) => one.status === "rejected");
        if (failed) throw failed.reason as Error; // the bus is away: the others would only wait for it too
      }
      after = runs.length === PAGE ? runs.at(-1)! : null;
    } while (after && !this.#draining.signal.aborted);
    for (const key of this.#dealtWith.keys()) if (!seen.has(key)) this.#dealtWith.delete(key);
  }

  /** Send the TASKs that submitters did not live to send. */
  async #wake(db: Database): Promise<void> {
    const { wakeGraceMs, logger } = this.#settings;
    if (performance.now() - this.#wokenAt < Math.min(wakeGraceMs, WAKE_EVERY_MS) || !this.#log) return;
    this.#wokenAt = performance.now();
    const until = new Date(Date.now() - wakeGraceMs);
    await this.#tell(db, until);
    const lost = await listLostWakes(db, this.#log, until);
    if (lost.length === 0 || !(await this.#checkLog())) return;
    for (const one of lost) {
      if (this.#draining.signal.aborted) return;
      if (!(await sendWake(this.#bus, db, one))) continue;
      const { runId, traceId } = one;
      logger.info({ namespace: this.#bus.namespace, runId, traceId }, "sweeper.woke");
    }
  }

  /** Let runs that wait for their children know of those that ended, when nobody lived to tell them. */
  async #tell(db: Database, until: Date): Promise<void> {
    const untold = await listUntoldParents(db, this.#log!, until);
    if (untold.length === 0 || !(await this.#checkLog())) return;
    for (const parent of untold) {
      if (this.#draining.signal.aborted) return;
      if (!(await tellParent(this.#bus, db, parent))) continue;
      const { runId, traceId } = parent;
      this.#settings.logger.info({ namespace: this.#bus.namespace, runId, traceId }, "sweeper.told");
    }
  }

  async #end(db: Database, run: DueRun): Promise<void> {
    const { runId, traceId, neuronId, dueAt } = run;
    const { logger, observer } = this.#settings;
    const fields = { namespace: this.#bus.namespace, runId, traceId, neuronId };
    let isEnded = false;
    try {
      isEnded = await endRun(this.#bus, db, run);
    } catch (error) {
      if (error instanceof BusError && (error.code === "LOG_UNAVAILABLE" || error.code === "CLOSED")) throw error;
      logger.error({ ...fields, error }, "sweeper.failed"); // a fault of ours, which must not hold up all other runs
    }
    this.#dealtWith.set(keyOf(run), performance.now());
    if (!isEnded) return;
    const lateMs = Date.now() - dueAt.getTime();
    logger.info({ ...fields, lateMs }, "sweeper.ended");
    observer.runEnded?.({ runId, neuronId, lateMs });
  }

  #isDealtWith(run: DueRun): boolean {
    const at = this.#dealtWith.get(keyOf(run));
    return at !== undefined && performance.now() - at < LOOK_AGAIN_MS;
  }

  /** Resolves with false when the log is another one than before: deleted and made again. */
  async #checkLog(): Promise<boolean> {
    const before = this.#log?.createdAt.getTime();
    const { createdAt } = await this.#bus.info();
    this.#log = { namespace: this.#bus.namespace, createdAt };
    this.#logCheckedAt = performance.now();
    return before === createdAt.getTime();
  }
}

/** A run that went on and is due again is another case. */
const keyOf = ({ runId, causeSeq }: DueRun): string => `${runId} ${causeSeq}`;
