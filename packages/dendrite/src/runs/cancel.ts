/**
 * Cancel: ends a run wherever it is. One at work is told by STOP, and its worker says how it ended; one that waits is ended in
 * its journal, like any other submission: of a cancel and an answer that race one counts. Its children are cancelled too.
 */
import {
  answerDedupId,
  bucketOf,
  signalOf,
  timeOfId,
  toStopped,
  type Bus,
  type InstanceId,
  type PauseType,
  type SignalOf,
  type TraceId,
} from "@myelin/bus";
import type { RunStatus } from "@myelin/bus/run-events";
import type { Dispatcher } from "../dispatcher.ts";
import { DispatchTimeoutError } from "../errors.ts";
import type { RunFollower } from "../run-follower.ts";
import { requireTenant, type KnownRun, type RunHistory } from "../run-history.ts";
import { isPause } from "../waiters.ts";
import type { Children } from "./children.ts";
import { judge } from "./judge.ts";
import type { RunJournals } from "./run-journals.ts";
import type { CancelledRun } from "./run-result.ts";
import { statusOfEnd } from "./submissions.ts";

export interface Cancelling {
  readonly by: string | null;
  readonly reason: string | null;
  readonly tenantId: string | undefined;
  readonly timeoutMs: number;
}

/** How much earlier than its parent a child may seem to have been made, in milliseconds: by the clocks of two hosts. */
const MAX_SKEW_MS = 5_000;
const LOOK_AGAIN_MS = 50;

export class Cancels {
  readonly #parts: CancelsParts;

  constructor(parts: CancelsParts) {
    this.#parts = parts;
  }

  /** Resolves with how the run ended; `running` when that takes longer than `timeoutMs`. */
  async cancel(runId: string, options: Cancelling): Promise<CancelledRun> {
    const { history, bus } = this.#parts;
    const run = await history.find(runId);
    requireTenant(run, options.tenantId, bus.namespace);
    const status = await this.#end(run, options);
    await this.#cancelChildren(run, options);
    return { runId, traceId: run.traceId, status };
  }

  /**
   * End the runs of a trace that wait, as far as the log holds their journals; with `tenantId` that tenant's. Those that run are
   * told by the trace's STOP.
   */
  async endWaiting(traceId: TraceId, options: Cancelling): Promise<void> {
    const { bus, journals } = this.#parts;
    const runs = new Set<string>();
    // A trace may be named by its caller: then its name says no time, and its journals are looked for in all of the log.
    const madeAt = timeOfId(traceId)?.getTime();
    const from = madeAt === undefined ? {} : { fromTime: new Date(madeAt - MAX_SKEW_MS) };
    for await (const entry of bus.read({ type: "RUN_EVENT", bucket: bucketOf(traceId) }, from)) {
      const { trace_id, meta } = signalOf(entry) ?? {};
      const isTheirs = options.tenantId === undefined || options.tenantId === meta?.tenant_id;
      if (trace_id === traceId && isTheirs && meta?.run_id) runs.add(meta.run_id);
    }
    // One after the other, as they began: a parent before the children that end with it, which would wake it.
    for (const runId of runs) {
      if ((await journals.read(runId, traceId))?.state.pause) await this.cancel(runId, options);
    }
  }

  async #end(run: KnownRun, { by, reason, tenantId, timeoutMs }: Cancelling): Promise<RunStatus> {
    const { journals, history, follower, dispatcher, children } = this.#parts;
    const { runId, traceId } = run;
    const until = performance.now() + timeoutMs;
    let isStopped = false;
    for (;;) {
      const found = await history.replyOf(run);
      if (found && !isPause(found.reply)) return statusOfEnd(found.reply);
      const journal = await journals.read(runId, traceId);
      if (journal?.state.isOwned) {
        const judged = judge(journal.entries, { kind: "cancel", by, reason }, NEVER_WOKEN);
        if (judged.ok) {
          // Who lost looks again: it may go on, or be over.
          if ((await journals.append(journal, judged.entries)) === null) continue;
        }
        await children.heal((await journals.read(runId, traceId)) ?? journal);
        if (judged.ok) return "cancelled";
      } else if (found && isPause(found.reply)) {
        if (await this.#endPlain(found.reply, { by, reason })) return "cancelled";
        continue;
      }
      if (!isStopped && !journal?.state.end) {
        const said = { ...(reason !== null && { reason }), ...(by !== null && { by }) };
        await dispatcher.stop(traceId as TraceId, { runId, tenantId, ...said, isStored: true });
        isStopped = true;
      }
      const leftMs = until - performance.now();
      if (leftMs <= 0) return journal?.state.end ? journal.state.status : "running";
      try {
        const reply = await follower.reply(run, { timeoutMs: leftMs, signal: undefined, onPause: "return" });
        if (!isPause(reply)) return statusOfEnd(reply);
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS).unref());
      } catch (error) {
        if (!(error instanceof DispatchTimeoutError)) throw error;
      }
    }
  }

  /** False when somebody has answered it: the run goes on. */
  async #endPlain(question: SignalOf<PauseType>, { by, reason }: Pick<Cancelling, "by" | "reason">): Promise<boolean> {
    const { bus, instance, children } = this.#parts;
    const { trace_id, directed, meta } = question;
    const envelope = { trace_id, parent_id: question.id, directed, meta: { ...meta, instance } };
    const stopped = toStopped(envelope, { reason, by, node: instance });
    const { seq, duplicate } = await bus.append(stopped, { dedupId: answerDedupId(question.id) });
    if (duplicate && signalOf(await bus.get(seq))?.id !== stopped.id) return false;
    if (meta.parent_run_id !== undefined) await children.settle(meta.parent_run_id, trace_id);
    return true;
  }

  /** Runs that this one dispatched, as far as the log holds them or its journal waited for them; and theirs. */
  async #cancelChildren({ runId, traceId }: KnownRun, options: Cancelling): Promise<void> {
    const madeAt = timeOfId(runId)?.getTime() ?? 0;
    // A pause may outlive the TASKs in the log.
    const { endedIn } = (await this.#parts.journals.read(runId, traceId))?.state ?? {};
    const children = new Set((endedIn?.missing ?? []).flatMap(({ child_run_id }) => child_run_id ?? []));
    const filter = { type: "TASK", bucket: bucketOf(traceId) } as const;
    for await (const entry of this.#parts.bus.read(filter, { fromTime: new Date(madeAt - MAX_SKEW_MS) })) {
      const { trace_id, meta } = signalOf(entry) ?? {};
      if (trace_id === traceId && meta?.parent_run_id === runId && meta.run_id) children.add(meta.run_id);
    }
    const reason = options.reason ?? "its parent was cancelled";
    await Promise.all([...children].map((child) => this.cancel(child, { ...options, reason, tenantId: undefined })));
  }
}

export interface CancelsParts {
  readonly bus: Bus;
  readonly instance: InstanceId;
  readonly journals: RunJournals;
  readonly history: RunHistory;
  readonly follower: RunFollower;
  readonly dispatcher: Dispatcher;
  readonly children: Children;
}

/** A cancelled run has no task to come. */
const NEVER_WOKEN = { now: new Date(0), task: { id: "", timeoutMs: 1 } };
