/** Replay: a dead letter's task, sent again as a new run. A dead letter's id is the id of the ERROR that ended its run. */
import { isSignalId, type SignalOf } from "@myelin/bus";
import type { Dispatched, Dispatcher } from "./dispatcher.ts";
import { DeadLetterNotFoundError } from "./errors.ts";
import type { Records } from "./records.ts";
import { toKnownRun, type KnownRun, type RunHistory } from "./run-history.ts";
import type { RunLog } from "./run-log.ts";
import type { RunAddress } from "./waiters.ts";

export interface ReplayOptions {
  /** Whose run it must have been: a dead letter of another tenant is not found. Default: whoever's it was. */
  readonly tenantId?: string | undefined;
  /** How long the new run has. Default 3_600_000 (1 h); at most 604_800_000 (7 days). */
  readonly timeoutMs?: number | undefined;
}

export class Replay {
  readonly #log: RunLog;
  readonly #records: Records;
  readonly #history: RunHistory;
  readonly #dispatcher: Dispatcher;

  constructor(parts: { log: RunLog; records: Records; history: RunHistory; dispatcher: Dispatcher }) {
    this.#log = parts.log;
    this.#records = parts.records;
    this.#history = parts.history;
    this.#dispatcher = parts.dispatcher;
  }

  /** Input, metadata, tenant, lane and neuron are those of the run's first TASK; the deadline is a fresh one. */
  async replay(id: string, { timeoutMs, tenantId }: ReplayOptions = {}): Promise<Dispatched> {
    if (!isSignalId(id)) {
      const why = "a failed task's has the id of its ERROR Signal (evt_…), and no other can be sent again";
      throw new DeadLetterNotFoundError(String(id), why);
    }
    const error = await this.#errorOf(id);
    if (tenantId !== undefined && error.meta.tenant_id !== tenantId) throw noSuchError(id);
    const run = toKnownRun(error.meta.run_id!, error, false);
    const inLog = await this.#taskInLog(run, error);
    await this.#requireEnd(error, { ...run, isWhole: inLog !== null });
    const task = inLog ?? (await this.#records.taskOf(run.runId));
    if (!task) throw new DeadLetterNotFoundError(id, `the log and the tables hold no TASK of run ${run.runId}`);
    const { input, metadata, priority } = task.payload;
    return this.#dispatcher.dispatch({
      neuron: task.directed.id ?? error.directed.id,
      input,
      metadata,
      priority,
      tenantId: task.meta.tenant_id,
      traceId: task.trace_id,
      parentId: error.id,
      timeoutMs,
    });
  }

  async #errorOf(id: string): Promise<SignalOf<"ERROR">> {
    const inLog = await this.#log.findSignal("ERROR", id);
    const error = inLog ?? ((await this.#log.reachesBackTo(id)) ? null : await this.#records.deadLetter(id));
    if (!error) throw noSuchError(id);
    if (error.meta.run_id === undefined) throw new DeadLetterNotFoundError(id, "that ERROR ended no run");
    return error;
  }

  /** An ERROR that came after the end is no dead letter: its run may have succeeded. */
  async #requireEnd({ id }: SignalOf<"ERROR">, run: KnownRun): Promise<void> {
    const found = await this.#history.replyOf(run);
    if (!found || found.reply.id === id) return;
    const { type, id: endId } = found.reply;
    throw new DeadLetterNotFoundError(id, `run ${run.runId} had ended before, with ${type} ${endId}`);
  }

  /** The run's first TASK: what the run began with, not what woke it. */
  async #taskInLog(run: RunAddress, { parent_id }: SignalOf<"ERROR">): Promise<SignalOf<"TASK"> | null> {
    const first = await this.#log.firstTask(run);
    if (first || parent_id === null) return first;
    // What a sweeper ends says only whom it answers.
    const parent = await this.#log.findSignal("TASK", parent_id);
    return parent?.payload.answers === undefined ? parent : null;
  }
}

const noSuchError = (id: string) => new DeadLetterNotFoundError(id, "no ERROR Signal has this id");
