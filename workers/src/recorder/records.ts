/** Records: the neuron that answers for the tables what the log no longer holds, beside the recorder that removed it. */
import { isEndType, isPauseType, isReplyType, SIGNAL_TYPES, type SignalType } from "@myelin/bus";
import type { RunStore, StoredSignal } from "@myelin/runs";
import { runRecords, type RecordsAnswer, type RecordsQuestion } from "@myelin/dendrite";
import { Axon } from "myelin";

/** What is asked of the tables. */
export type RecordsStore = Pick<RunStore, "getSignal" | "getSignals">;

const REPLIES: readonly SignalType[] = SIGNAL_TYPES.filter(isReplyType);

export const recordsAxon = (store: RecordsStore) =>
  new Axon({ ...runRecords, neuron: async (question) => toAnswer(await find(store, question)) });

async function find(store: RecordsStore, question: RecordsQuestion): Promise<StoredSignal | null> {
  switch (question.ask) {
    case "reply": {
      const signals = await store.getSignals({ runId: question.runId }, { types: ["TASK", ...REPLIES] });
      const end = signals.find(({ type }) => isEndType(type));
      if (end) return end;
      // A TASK behind a pause is its answer.
      const last = signals.at(-1);
      return last && isPauseType(last.type) ? last : null;
    }
    case "task": {
      const { runId, signalId } = question;
      const tasks = await store.getSignals({ runId }, { types: ["TASK"] });
      return tasks.find(({ id }) => signalId === undefined || id === signalId) ?? null;
    }
    case "journal": {
      const { runId, afterSequenceIndex } = question;
      for (const signal of await store.getSignals({ runId }, { types: ["RUN_EVENT"] })) {
        // One that began the journal again holds what came before it, too.
        const entries = entriesBehind(signal.payload["entries"], afterSequenceIndex);
        if (entries.length > 0) return { ...signal, payload: { entries } };
      }
      return null;
    }
    case "deadLetter": {
      const signal = await store.getSignal(question.signalId);
      return signal?.type === "ERROR" ? signal : null;
    }
  }
}

function entriesBehind(entries: unknown, afterSequenceIndex: number): unknown[] {
  if (!Array.isArray(entries)) return [];
  return (entries as { sequence_index: number }[]).filter((one) => one.sequence_index > afterSequenceIndex);
}

/** As it was on the wire. */
function toAnswer(stored: StoredSignal | null): RecordsAnswer {
  if (!stored) return { signal: null, storedAt: null };
  const { id, traceId, parentId, type, directed, ts, payload, meta, storedAt } = stored;
  const signal = {
    v: "1",
    id,
    trace_id: traceId,
    parent_id: parentId,
    type,
    directed,
    ts: ts.toISOString(),
    payload,
    meta,
  };
  return { signal, storedAt: storedAt.toISOString() };
}
