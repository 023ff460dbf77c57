/**
 * RunQueries: the questions that can be asked about runs, one method each; each is a file beside this one. RunStore and
 * ScopedRunStore are what they are asked of: the one sees all tenants, the other one.
 */
import { countRuns, type CountOptions } from "./count-runs.ts";
import { getCosts, type CostsOptions } from "./get-costs.ts";
import { getDelegation } from "./get-delegation.ts";
import { getEvents, type EventsOptions } from "./get-events.ts";
import { getLlmCalls } from "./get-llm-calls.ts";
import { getPauses } from "./get-pauses.ts";
import { getPiiMapping } from "./get-pii-mapping.ts";
import { getRun } from "./get-run.ts";
import { getSignal, getSignals, type SignalsOf, type SignalsOptions } from "./get-signals.ts";
import { getToolInvocations } from "./get-tool-invocations.ts";
import { getTraces } from "./get-traces.ts";
import { getDeadLetter, listDeadLetters, type DeadLetterOptions, type DeadLetterPage } from "./list-dead-letters.ts";
import { listRuns, type PageOptions, type RunPage } from "./list-runs.ts";
import type { CallsOptions, RowsOptions } from "./page-rows.ts";
import type { RunReader } from "./reader.ts";
import type { RunFilter } from "./run-filter.ts";
import { streamEvents, type EventStreamOptions } from "./stream-events.ts";
import { toTraceTree } from "./trace-tree.ts";
import type {
  CostLine,
  DeadLetterDetail,
  DelegationInfo,
  LlmCall,
  PausePair,
  RunDetail,
  StoredEvent,
  StoredSignal,
  ToolInvocation,
  TraceEntry,
  TraceNode,
} from "./views.ts";

/**
 * Every method may be called concurrently and rejects with `RunStoreError`: `INVALID_FILTER`, `DATABASE_UNAVAILABLE`,
 * `NOT_MIGRATED`, `QUERY_FAILED`, or `CLOSED` after `close`. An unknown run is null, or an empty list.
 */
export abstract class RunQueries {
  readonly #reader: RunReader;

  protected constructor(reader: RunReader) {
    this.#reader = reader;
  }

  /** Runs that pass the filter, newest first. */
  async listRuns(filter: RunFilter = {}, page: PageOptions = {}): Promise<RunPage> {
    return listRuns(this.#reader, filter, page);
  }

  /** How many runs pass the filter; with a `limit`, it counts no further than that. */
  async countRuns(filter: RunFilter = {}, options: CountOptions = {}): Promise<number> {
    return countRuns(this.#reader, filter, options);
  }

  /** One run with its input and output; null when there is none of that id. */
  async getRun(runId: string): Promise<RunDetail | null> {
    return getRun(this.#reader, runId);
  }

  /** The journal of a run, in its order; empty for an unknown run and for one without a journal. */
  async getEvents(runId: string, options: EventsOptions = {}): Promise<StoredEvent[]> {
    return getEvents(this.#reader, runId, options);
  }

  /**
   * The journal of a run as it grows: what is there, and then each entry as soon as it is recorded. Ends with the run, or when
   * the signal aborts. While nothing happens it asks nothing: Postgres tells. Rejects with `RUN_NOT_FOUND` for an unknown run.
   */
  streamEvents(runId: string, options: EventStreamOptions = {}): AsyncIterableIterator<StoredEvent> {
    return streamEvents(this.#reader, runId, options);
  }

  /** The model calls of a run, failed ones among them, in the order of the journal; empty for an unknown run. */
  async getLlmCalls(runId: string, options: CallsOptions = {}): Promise<LlmCall[]> {
    return getLlmCalls(this.#reader, runId, options);
  }

  /** The answered tool calls of a run, in the order the model made them; empty for an unknown run. */
  async getToolInvocations(runId: string, options: CallsOptions = {}): Promise<ToolInvocation[]> {
    return getToolInvocations(this.#reader, runId, options);
  }

  /** The conversation of a run, in its order; empty for an unknown run and one that is no agent's. */
  async getTraces(runId: string, options: RowsOptions = {}): Promise<TraceEntry[]> {
    return getTraces(this.#reader, runId, options);
  }

  /** The pauses of a run, oldest first, each with how it ended; empty for an unknown run and one without a journal. */
  async getPauses(runId: string): Promise<PausePair[]> {
    return getPauses(this.#reader, runId);
  }

  /** The placeholders in a run's rows and the real values they stand for; empty when there are none. */
  async getPiiMapping(runId: string): Promise<Record<string, string>> {
    return getPiiMapping(this.#reader, runId);
  }

  /** Who asked for a run, whom it asked, and what all of it cost; null for an unknown run. */
  async getDelegation(runId: string): Promise<DelegationInfo | null> {
    return getDelegation(this.#reader, runId);
  }

  /** What runs cost by model, agent, day or the value of a metadata key: the dearest first, days in their order. */
  async getCosts(options: CostsOptions): Promise<CostLine[]> {
    return getCosts(this.#reader, options);
  }

  /** The Signals of a run or a trace, in the order of the log; empty for an unknown one. Dead letters are not among them. */
  async getSignals(of: SignalsOf, options: SignalsOptions = {}): Promise<StoredSignal[]> {
    return getSignals(this.#reader, of, options);
  }

  /** One Signal; null when there is none of that id. */
  async getSignal(id: string): Promise<StoredSignal | null> {
    return getSignal(this.#reader, id);
  }

  /** The Signals of a trace, each under the one that caused it: the tree of all its runs. */
  async getTraceTree(traceId: string): Promise<TraceNode[]> {
    return toTraceTree(await this.getSignals({ traceId }));
  }

  /** Tasks that failed for good, and entries of the log that could not be recorded as Signals, newest first. */
  async listDeadLetters(options: DeadLetterOptions = {}): Promise<DeadLetterPage> {
    return listDeadLetters(this.#reader, options);
  }

  /** One of them with its bytes; null when there is none of that id. A failed task has the id of its ERROR. */
  async getDeadLetter(id: string): Promise<DeadLetterDetail | null> {
    return getDeadLetter(this.#reader, id);
  }
}
