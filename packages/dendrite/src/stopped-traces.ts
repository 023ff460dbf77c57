/**
 * StoppedTraces: what was cancelled, so that a task that was still queued then is not started. A fold over the STOPs in the
 * log: read back when a worker starts and after each reconnect, then heard.
 *
 * A STOP of a trace ends what it found: tasks before it in the log, and whatever the runs that it stopped still dispatched. A
 * new dispatch on the same trace, after it, is not stopped. A STOP of a run ends that run, whoever wakes it afterwards.
 *
 * Whoever knows a trace's id may join it, so a STOP of a tenant ends nothing of others'. One without a tenant is an operator's,
 * and ends all.
 */
import type { Bus, SignalOf } from "@myelin/bus";

/** The newest ones are kept. */
const MAX_STOPS = 10_000;

export class StoppedTraces {
  readonly #bus: Bus;
  /** By whose it is, trace id, and run id if it names one. */
  readonly #stops = new Map<string, { stop: SignalOf<"STOP">; seq: number }>();
  /** Up to here the log was read. */
  #seq = 0;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** Read the STOPs that the log has had since the last time. */
  async catchUp(onStop: (stop: SignalOf<"STOP">) => void = () => {}): Promise<void> {
    const upTo = (await this.#bus.info()).lastSeq;
    for await (const { seq, parsed } of this.#bus.read({ type: "STOP" }, { fromSeq: this.#seq + 1 })) {
      if (!parsed.ok || parsed.signal.type !== "STOP") continue;
      this.add(parsed.signal, seq);
      onStop(parsed.signal);
    }
    this.#seq = Math.max(this.#seq, upTo);
  }

  /** `seq` is null for the live copy: it runs ahead of the stored one, whose place then counts. */
  add(stop: SignalOf<"STOP">, seq: number | null): void {
    const key = keyOf(stop.trace_id, stop.payload.run_id, stop.meta.tenant_id);
    this.#stops.delete(key);
    this.#stops.set(key, { stop, seq: seq ?? Infinity });
    if (this.#stops.size > MAX_STOPS) this.#stops.delete(this.#stops.keys().next().value!);
  }

  /** The STOP that a task at `seq` falls under. */
  of(task: SignalOf<"TASK">, seq: number | null): SignalOf<"STOP"> | undefined {
    if (this.#stops.size === 0) return undefined;
    const { tenant_id } = task.meta;
    return this.#of(task, seq, undefined) ?? (tenant_id === undefined ? undefined : this.#of(task, seq, tenant_id));
  }

  #of({ trace_id, meta }: SignalOf<"TASK">, seq: number | null, tenant: string | undefined) {
    const { run_id, parent_run_id } = meta;
    const ofParent = parent_run_id && this.#stops.get(keyOf(trace_id, parent_run_id, tenant));
    if (ofParent) return ofParent.stop;
    // Also of a task after it: that one wakes a run which had paused before the STOP reached it.
    const ofRun = run_id && this.#stops.get(keyOf(trace_id, run_id, tenant));
    if (ofRun) return ofRun.stop;
    const ofTrace = this.#stops.get(keyOf(trace_id, undefined, tenant));
    if (!ofTrace) return undefined;
    return parent_run_id !== undefined || (seq !== null && seq < ofTrace.seq) ? ofTrace.stop : undefined;
  }
}

/** Whether a STOP is about the runs of a task's tenant: its own, or everybody's. */
export const isForTenantOf = (task: SignalOf<"TASK">, { meta }: SignalOf<"STOP">): boolean =>
  meta.tenant_id === undefined || meta.tenant_id === task.meta.tenant_id;

/** Trace and run ids hold no blank; a tenant may hold anything. */
const keyOf = (traceId: string, runId: string | undefined, tenant: string | undefined): string =>
  `${traceId} ${runId ?? ""} ${tenant === undefined ? "" : `of ${tenant}`}`;
