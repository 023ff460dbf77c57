/** Story: reads back from Postgres what happened, and compares it with the log itself, entry by entry. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "@myelin/bus";
import type { RunStore, TraceNode } from "@myelin/runs";
import type { Answer } from "./ask.ts";

export interface Story {
  /** Runs of these answers in Postgres that ended well. */
  readonly runs: number;
  /** Entries of the log since the demo began, and those of them that Postgres has. */
  readonly logSignals: number;
  readonly recordedSignals: number;
  /** What the log has and Postgres has not: `seq type`. */
  readonly missing: readonly string[];
  /** The Signals of the first answer's trace, each under the one that caused it. */
  readonly trace: readonly TraceNode[];
}

export interface StoryOptions {
  readonly bus: Pick<Bus, "namespace" | "info" | "read">;
  readonly store: RunStore;
  readonly answers: readonly Answer[];
  /** The log's last sequence when the demo began. */
  readonly sinceSeq: number;
  /** What every run of this demo has in its metadata. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}

const CATCH_UP_MS = 30_000;
const LOOK_MS = 20;

/** Wait until the recorder has caught up with the log as it is now, and read. Rejects when it does not within 30 s. */
export async function readStory(options: StoryOptions): Promise<Story> {
  const { bus, store, answers, sinceSeq, metadata, signal } = options;
  const { lastSeq } = await bus.info();
  await untilRecorded(store, bus.namespace, lastSeq, signal);

  const entries: { seq: number; traceId: string; label: string }[] = [];
  for await (const { seq, parsed } of bus.read({}, { fromSeq: sinceSeq + 1, signal })) {
    if (seq > lastSeq) break;
    const traceId = parsed.ok ? parsed.signal.trace_id : "";
    entries.push({ seq, traceId, label: `${seq} ${parsed.ok ? parsed.signal.type : parsed.problem.code}` });
  }
  const rows = new Set<number>();
  for (const traceId of new Set(entries.map((entry) => entry.traceId))) {
    if (traceId === "") continue;
    for (const { seq } of await store.getSignals({ traceId })) rows.add(seq);
  }
  const [first] = answers;
  return {
    runs: await store.countRuns({ metadataFilter: metadata, status: "success" }),
    logSignals: entries.length,
    recordedSignals: entries.filter(({ seq }) => rows.has(seq)).length,
    missing: entries.filter(({ seq }) => !rows.has(seq)).map(({ label }) => label),
    trace: first === undefined ? [] : await store.getTraceTree(first.traceId),
  };
}

async function untilRecorded(store: RunStore, namespace: string, seq: number, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + CATCH_UP_MS;
  for (;;) {
    const position = (await store.countRecorded(namespace))?.position ?? 0;
    if (position >= seq) return;
    if (performance.now() > deadline) {
      throw new Error(`the recorder is at ${position} of ${seq} after ${CATCH_UP_MS / 1_000} s`);
    }
    await sleep(LOOK_MS, undefined, { signal });
  }
}
