/**
 * A batch as the statement takes it: JSON texts, one per table. A Signal's bytes are JSON already and are passed on as
 * they are; Postgres cuts them into columns. So nothing is rounded, reordered or stringified twice on the way.
 */
import type { LogEntry, Signal } from "@myelin/bus";
import { toPayloads } from "./notifications.ts";
import { projectBatch } from "./project-batch.ts";
import { isStorable, isSuspicious, toStorable, toStorableText } from "./storable.ts";

/**
 * How an entry is recorded.
 * - `signal`: a row of signals, and whatever it does to its run.
 * - `mended`: a Signal that Postgres cannot hold. A dead letter with its bytes; its run is projected from a copy in which
 *   the offending characters are replaced, else a run whose answer has a U+0000 in it would stay `running` for ever.
 * - `dead`: a dead letter and nothing else.
 */
export type Treatment = "signal" | "mended" | "dead";

export interface EncodedBatch {
  signals: string;
  runs: string;
  workers: string;
  deadLetters: string;
  gaps: string;
  /** Entries of journals that fit their schemas. */
  entries: string;
  hasJournal: boolean;
  /** Payloads of notifications: runs whose journal grew, or that ended. */
  notifications: string;
}

/** What the statement's `dead_letters` part takes. */
interface DeadLetterRow {
  seq: number;
  stored_at: string;
  subject: string;
  code: string;
  message: string;
  run_id: string | null;
  tenant_id: string;
  bytes: string;
}

const decoder = new TextDecoder();

/**
 * Encode entries that follow `fromSeq` in the log. `known` says, by sequence, what Postgres has already refused to take
 * otherwise.
 */
export function encodeBatch(
  entries: readonly LogEntry[],
  fromSeq: number,
  known: ReadonlyMap<number, Treatment> = NOTHING_KNOWN,
): EncodedBatch {
  const signals: string[] = [];
  const projected: { seq: number; storedAt: Date; signal: Signal }[] = [];
  const deadLetters: DeadLetterRow[] = [];
  const gaps: { from_seq: number; to_seq: number }[] = [];
  let before = fromSeq;
  for (const entry of entries) {
    const { seq, storedAt, parsed } = entry;
    if (seq !== before + 1) gaps.push({ from_seq: before + 1, to_seq: seq - 1 });
    before = seq;
    const json = decoder.decode(entry.bytes);
    const treatment = known.get(seq) ?? firstTreatment(entry, json);
    if (treatment !== "signal") deadLetters.push(toDeadLetter(entry));
    if (treatment === "dead" || !parsed.ok) continue;
    if (treatment === "signal") {
      projected.push({ seq, storedAt, signal: parsed.signal });
      signals.push(withColumns(json, seq, storedAt, false));
    } else {
      const signal = { ...toStorable(parsed.signal), ts: storedAt.toISOString() };
      projected.push({ seq, storedAt, signal });
      signals.push(withColumns(JSON.stringify(signal), seq, storedAt, true));
    }
  }
  const { runs, workers, entries: fitting, hasJournal } = projectBatch(projected);
  const folds = [...runs.values()];
  const news = folds.filter((run) => run.last_progress_at !== undefined || run.terminal_seq !== null);
  return {
    signals: `[${signals.join(",")}]`,
    runs: JSON.stringify(folds),
    workers: JSON.stringify([...workers.values()]),
    deadLetters: JSON.stringify(deadLetters),
    gaps: JSON.stringify(gaps),
    entries: JSON.stringify(fitting),
    hasJournal,
    notifications: JSON.stringify(toPayloads(news.map(({ run_id }) => run_id))),
  };
}
const NOTHING_KNOWN: ReadonlyMap<number, Treatment> = new Map();

/** Treatment of an entry as far as can be told without asking Postgres. */
function firstTreatment({ parsed }: LogEntry, json: string): Treatment {
  if (!parsed.ok) return "dead";
  return isSuspicious(json) && !isStorable(parsed.signal) ? "mended" : "signal";
}

// Appended, because of two equal keys the last one counts: no Signal can choose its own sequence.
function withColumns(json: string, seq: number, storedAt: Date, mended: boolean): string {
  return `${json.slice(0, json.lastIndexOf("}"))},"_seq":${seq},"_at":"${storedAt.toISOString()}","_mended":${mended}}`;
}

function toDeadLetter({ seq, storedAt, subject, bytes, parsed }: LogEntry): DeadLetterRow {
  const meta = parsed.ok ? parsed.signal.meta : {};
  return {
    seq,
    stored_at: storedAt.toISOString(),
    subject: toStorableText(subject),
    code: parsed.ok ? "UNSTORABLE" : parsed.problem.code,
    message: parsed.ok
      ? `${parsed.signal.type} ${parsed.signal.id} holds what Postgres cannot store (U+0000, half a surrogate pair, or a number or time out of range)`
      : toStorableText(parsed.problem.message),
    run_id: meta.run_id ? toStorableText(meta.run_id) : null,
    tenant_id: toStorableText(meta.tenant_id ?? ""),
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64"),
  };
}
