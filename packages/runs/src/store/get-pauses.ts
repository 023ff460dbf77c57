/**
 * getPauses: the pauses of a run, each with how it ended, folded from its journal. A pause ends with the run.resumed that names
 * it; one that the end of the run cut off has none, and is not open either.
 */
import { dataOf, type RunEventData } from "@myelin/bus/run-events";
import { checkText } from "./check-arguments.ts";
import { inScope, ms, parameters, toDate, type RunReader } from "./reader.ts";
import { toPendingCall } from "./tool-calls.ts";
import type { ApprovalDecision, JsonObject, OpenPause, PausePair } from "./views.ts";

interface EntryRow {
  sequence_index: number;
  event_type: string;
  data: JsonObject;
  created_ms: number;
  waits: boolean;
}

export async function getPauses(reader: RunReader, runId: string): Promise<PausePair[]> {
  const { values, parameter } = parameters(checkText("runId", runId));
  const rows = await reader.query<EntryRow>(
    `SELECT e.sequence_index, e.event_type, e.data, ${ms("e.created_at")} AS created_ms, r.status LIKE 'waiting%' AS waits
     FROM run_events AS e JOIN runs AS r USING (run_id)
     WHERE e.run_id = $1 AND e.event_type IN ('run.paused', 'run.resumed', 'approval.decided', 'tool.completed')
       AND ${inScope(reader, parameter, "e.run_id")}
     ORDER BY e.sequence_index`,
    values,
  );
  return toPauses(rows);
}

type Growing = { -readonly [K in keyof PausePair]: PausePair[K] } & {
  decisions: ApprovalDecision[];
  submittedResults: { callId: string; toolName: string; success: boolean }[];
};

function toPauses(rows: readonly EntryRow[]): PausePair[] {
  const pauses: Growing[] = [];
  let open: Growing | null = null;
  for (const row of rows) {
    const at = toDate(row.created_ms);
    const paused = dataOf(row, "run.paused");
    if (paused) {
      pauses.push((open = begin(paused, row.sequence_index, at)));
      continue;
    }
    if (!open) continue;
    const decided = dataOf(row, "approval.decided");
    const completed = dataOf(row, "tool.completed");
    const resumed = dataOf(row, "run.resumed");
    if (decided) decide(open, decided, at);
    if (completed) submit(open, completed);
    if (resumed?.pause_id === open.pauseId) {
      open.resumeSequenceIndex = row.sequence_index;
      open.resumeAt = at;
      open.resumedBy = resumed.by;
      open = null;
    }
  }
  const last = pauses.at(-1);
  if (last && last === open) last.isOpen = rows.at(-1)!.waits;
  return pauses;
}

function begin(paused: RunEventData<"run.paused">, pauseSequenceIndex: number, pauseAt: Date): Growing {
  const pause = toOpenPause(paused);
  return {
    ...pause,
    pauseSequenceIndex,
    pauseAt,
    resumeSequenceIndex: null,
    resumeAt: null,
    resumedBy: null,
    isOpen: false,
    missing: pause.pending,
    decisions: [],
    submittedResults: [],
    userInput: null,
  };
}

function decide(pause: Growing, decided: RunEventData<"approval.decided">, decidedAt: Date): void {
  const { call_id: callId, tool_name: toolName, approved, by, reason } = decided;
  pause.decisions.push({ callId, toolName, approved, by, reason, decidedAt });
  answered(pause, callId);
}

function submit(
  pause: Growing,
  { call_id: callId, tool_name: toolName, success, result }: RunEventData<"tool.completed">,
) {
  const pending = pause.pending.find((call) => call.callId === callId);
  if (!pending) return;
  if (pending.needs === "input") pause.userInput = typeof result === "string" ? result : JSON.stringify(result ?? null);
  // The answer to a call that was refused is written for the model; and that of a child nobody submitted.
  if (pending.needs === "result" || pending.needs === "input")
    pause.submittedResults.push({ callId, toolName, success });
  answered(pause, callId);
}

function answered(pause: Growing, callId: string): void {
  pause.missing = pause.missing.filter((call) => call.callId !== callId);
}

/** What a run.paused says, as a record. */
export function toOpenPause(paused: RunEventData<"run.paused">): OpenPause {
  const expiresAt = new Date(paused.expires_at ?? NaN);
  return {
    pauseId: paused.pause_id,
    status: paused.status,
    reason: paused.reason,
    question: paused.question,
    pending: paused.pending.map(toPendingCall),
    options: paused.options ?? [],
    assignees: paused.assignees ?? [],
    expiresAt: Number.isNaN(expiresAt.getTime()) ? null : expiresAt,
  };
}
