/**
 * RunHistory: one run, as log and records know it together. The log is asked first, because it is never behind; the
 * records know what was removed from it.
 */
import { isEndType, isId, type Signal } from "@myelin/bus";
import { RecordsUnavailableError, RunNotFoundError } from "./errors.ts";
import type { Records } from "./records.ts";
import type { FoundReply, RunLog } from "./run-log.ts";
import type { RunAddress } from "./waiters.ts";

/** A run that is known to be there. */
export interface KnownRun extends RunAddress {
  readonly neuron: string;
  readonly tenantId: string | undefined;
  /** The log holds it from its first TASK on: what is not there never was. */
  readonly isWhole: boolean;
}

export class RunHistory {
  readonly #log: RunLog;
  readonly #records: Records;

  constructor(log: RunLog, records: Records) {
    this.#log = log;
    this.#records = records;
  }

  /** Find a run by its id. Rejects with `RunNotFoundError`, or `RecordsUnavailableError` when only the records could know it. */
  async find(runId: string): Promise<KnownRun> {
    const inLog = await this.#log.findRun(runId);
    if (inLog) {
      const run = toKnownRun(runId, inLog, false);
      return { ...run, isWhole: await this.#isWhole(run, inLog) };
    }
    const task = (await this.#log.reachesBackTo(runId)) ? null : await this.#records.taskOf(runId);
    if (!task) throw new RunNotFoundError(`run ${runId}`, this.#log.namespace);
    return toKnownRun(runId, task, false);
  }

  async #isWhole(run: RunAddress, any: Signal): Promise<boolean> {
    if (any.type === "TASK" && any.payload.answers === undefined) return true;
    return ((await this.#log.taskAt(any.meta.task_seq)) ?? (await this.#log.firstTask(run))) !== null;
  }

  /** The reply that counts: the first end, else a pause that nobody answered; null while the run goes on. */
  async replyOf(run: KnownRun): Promise<FoundReply | null> {
    const inLog = await this.#log.replyOf(run);
    if (run.isWhole) return inLog;
    const recorded = await this.#records.replyOf(run.runId).catch((error: unknown) => {
      if (inLog && error instanceof RecordsUnavailableError) return null;
      throw error;
    });
    if (recorded && isEndType(recorded.reply.type)) return recorded;
    // The records may be behind the log: what is there came later.
    if (inLog || !recorded) return inLog;
    return (await this.#log.isAnswered(recorded.reply)) ? null : recorded;
  }
}

/** A run of another tenant is not there. */
export function requireTenant(run: KnownRun, tenantId: string | undefined, namespace: string): void {
  if (tenantId === undefined || (run.tenantId ?? "") === tenantId) return;
  throw new RunNotFoundError(`run ${run.runId}`, namespace);
}

export function toKnownRun(runId: string, { trace_id, directed, meta }: Signal, isWhole: boolean): KnownRun {
  const { reply_to, tenant_id } = meta;
  return {
    runId,
    traceId: trace_id,
    replyTo: isId(reply_to) ? reply_to : "_",
    neuron: directed?.id ?? runId,
    tenantId: tenant_id,
    isWhole,
  };
}
