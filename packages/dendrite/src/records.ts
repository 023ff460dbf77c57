/**
 * Records: what the log no longer holds, asked of whoever reads the tables. The recorder answers; a dispatcher needs no
 * database for it, only a transient dispatch.
 *
 * One question, one Signal, because each may be as large as the server takes.
 */
import { checkSignal, isReplyType, type Signal, type SignalOf } from "@myelin/bus";
import { defineNeuron } from "@myelin/neuron";
import { z } from "zod";
import { RecordsUnavailableError } from "./errors.ts";
import type { FoundReply } from "./run-log.ts";
import type { Reply } from "./waiters.ts";

/**
 * The contract between those who ask and those who answer.
 * - `reply`: the run's first end; else its last pause, if nobody answered it
 * - `task`: the run's TASK of that id; its first one when none is said
 * - `journal`: the RUN_EVENT whose entries come behind that index (-1: the first one); its journal is read one by one
 * - `deadLetter`: the ERROR of that id, if a dead letter was made of it
 */
export const runRecords = defineNeuron({
  neuronId: "myelin-records",
  description: "What the log no longer holds of a run",
  input: z.discriminatedUnion("ask", [
    z.object({ ask: z.literal("reply"), runId: z.string() }),
    z.object({ ask: z.literal("task"), runId: z.string(), signalId: z.string().optional() }),
    z.object({ ask: z.literal("journal"), runId: z.string(), afterSequenceIndex: z.int().min(-1) }),
    z.object({ ask: z.literal("deadLetter"), signalId: z.string() }),
  ]),
  output: z.object({
    /** As it was on the wire; null when there is no such Signal. */
    signal: z.record(z.string(), z.unknown()).nullable(),
    /** When the log stored it, by the log's clock. */
    storedAt: z.iso.datetime({ offset: true }).nullable(),
  }),
});

export type RecordsQuestion = z.input<(typeof runRecords)["input"]>;
export type RecordsAnswer = z.output<(typeof runRecords)["output"]>;

/** Every question rejects with `RecordsUnavailableError` when nobody answers it. */
export class Records {
  readonly #ask: (question: RecordsQuestion) => Promise<RecordsAnswer>;

  constructor(ask: (question: RecordsQuestion) => Promise<RecordsAnswer>) {
    this.#ask = ask;
  }

  async replyOf(runId: string): Promise<FoundReply | null> {
    const found = await this.#signal({ ask: "reply", runId });
    if (!found || !isReplyType(found.signal.type)) return null;
    return { reply: found.signal as Reply, storedAt: found.storedAt };
  }

  /** The TASK with that id, or the first one of the run. */
  async taskOf(runId: string, signalId?: string): Promise<SignalOf<"TASK"> | null> {
    const found = await this.#signal({ ask: "task", runId, ...(signalId !== undefined && { signalId }) });
    return found?.signal.type === "TASK" ? found.signal : null;
  }

  /** The journal of the run, as far as it is recorded; empty for a run without one. */
  async journalOf(runId: string): Promise<SignalOf<"RUN_EVENT">[]> {
    const journal: SignalOf<"RUN_EVENT">[] = [];
    for (let afterSequenceIndex = -1; ;) {
      const found = await this.#signal({ ask: "journal", runId, afterSequenceIndex });
      if (found?.signal.type !== "RUN_EVENT") return journal;
      journal.push(found.signal);
      const last = found.signal.payload.entries.at(-1)!.sequence_index;
      if (last <= afterSequenceIndex) return journal;
      afterSequenceIndex = last;
    }
  }

  async deadLetter(signalId: string): Promise<SignalOf<"ERROR"> | null> {
    const found = await this.#signal({ ask: "deadLetter", signalId });
    return found?.signal.type === "ERROR" ? found.signal : null;
  }

  async #signal(question: RecordsQuestion): Promise<{ signal: Signal; storedAt: Date } | null> {
    const about = "runId" in question ? `run ${question.runId}` : `dead letter ${question.signalId}`;
    const { signal, storedAt } = await this.#ask(question).catch((cause: unknown) => {
      throw new RecordsUnavailableError(about, cause);
    });
    if (signal === null || storedAt === null) return null;
    const checked = checkSignal(signal);
    if (!checked.ok) throw new RecordsUnavailableError(about, new Error(checked.problem.message));
    return { signal: checked.signal, storedAt: new Date(storedAt) };
  }
}
