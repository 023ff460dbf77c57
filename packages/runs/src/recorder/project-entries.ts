/**
 * What the entries of agents' journals become: facts about their run, rows of llm_calls and tool_invocations, and messages.
 * An entry whose data does not fit its type's schema is a row of run_events and nothing else.
 *
 * The rows' own values are cut out of the entry by Postgres, as they were on the wire. Only what is not in it word for word is
 * made here: which entries fit, and the text of messages.
 */
import { dataOf, toToolText, toolCallData, type RunEventData, type RunEventEntry } from "@myelin/bus/run-events";

/** An entry that fits: what the statement makes rows of. */
export interface FittingEntry {
  readonly run_id: string;
  readonly sequence_index: number;
  /** Of the Signal that carried it. */
  readonly seq: number;
  readonly messages: readonly MessageRow[];
}

/** A row of messages. What is left out is its column's default. */
export interface MessageRow {
  readonly order_index: number;
  readonly role: "user" | "assistant" | "tool";
  readonly content: string;
  readonly tool_calls?: unknown;
  readonly call_id?: string | undefined;
  readonly tool_name?: string | undefined;
  readonly is_error?: boolean | undefined;
  readonly is_seed?: boolean | undefined;
}

/** What a run's journal says of it, as columns of `runs`. The first run.started counts, and the greatest indexes. */
export interface JournalFacts {
  started_seq?: number;
  agent_name?: string;
  agent_version?: string | null;
  strategy?: string;
  model?: string;
  max_iterations?: number;
  delegation_level?: number;
  max_delegation_depth?: number | null;
  retry_of_run_id?: string | null;
  pause_index?: number;
  completed_index?: number;
}

/** The rows of an entry, as messages; null when it makes none of any kind. */
export function messagesOf(entry: RunEventEntry): MessageRow[] | null {
  switch (entry.event_type) {
    case "run.started": {
      const started = dataOf(entry, "run.started");
      return started && openingOf(started);
    }
    case "llm.completed": {
      const answer = dataOf(entry, "llm.completed");
      if (!answer) return null;
      const { order_index, text, tool_calls } = answer;
      return [{ order_index, role: "assistant", content: text, tool_calls }];
    }
    case "llm.failed":
      return dataOf(entry, "llm.failed") && [];
    case "tool.completed": {
      const done = dataOf(entry, "tool.completed");
      if (!done) return null;
      const { order_index, call_id, tool_name, success } = done;
      return [{ order_index, role: "tool", content: toToolText(done), call_id, tool_name, is_error: !success }];
    }
    default:
      return null;
  }
}

/** What a retry begins with, as far as it can be read, what the user says, and what followed that in the run it tries again. */
function openingOf({ seed, message, seed_after = [] }: RunEventData<"run.started">): MessageRow[] {
  const seeded = (rows: readonly Record<string, unknown>[], from: number) =>
    rows.map((row, at) => toSeedRow(row, from + at)).filter((row) => row !== null);
  const said = { order_index: seed.length, role: "user", content: message } as const;
  return [...seeded(seed, 0), said, ...seeded(seed_after, seed.length + 1)];
}

/** Details may stand beside the content or in `meta`. */
function toSeedRow(row: Record<string, unknown>, order_index: number): MessageRow | null {
  const { role, content, tool_calls, call_id, tool_name, is_error } = { ...asObject(row["meta"]), ...row } as Record<
    string,
    unknown
  >;
  if ((role !== "user" && role !== "assistant" && role !== "tool") || typeof content !== "string") return null;
  const calls = (Array.isArray(tool_calls) ? tool_calls : []).map((call) => toolCallData.safeParse(call));
  return {
    order_index,
    role,
    content,
    tool_calls: calls.flatMap((call) => (call.success ? [call.data] : [])),
    call_id: typeof call_id === "string" ? call_id : undefined,
    tool_name: typeof tool_name === "string" ? tool_name : undefined,
    is_error: is_error === true,
    is_seed: true,
  };
}

const asObject = (value: unknown): object => (typeof value === "object" && value !== null ? value : {});

/** Add to the facts what one more entry says. */
export function foldFacts(facts: JournalFacts, entry: RunEventEntry, seq: number): void {
  const { sequence_index } = entry;
  switch (entry.event_type) {
    case "run.started": {
      const started = dataOf(entry, "run.started");
      if (!started || facts.started_seq !== undefined) return;
      facts.started_seq = seq;
      facts.agent_name = started.agent_name;
      facts.agent_version = started.agent_version;
      facts.strategy = started.strategy;
      facts.model = started.model;
      facts.max_iterations = started.max_iterations;
      facts.delegation_level = started.delegation_level;
      facts.max_delegation_depth = started.max_delegation_depth;
      facts.retry_of_run_id = started.retry_of;
      return;
    }
    case "run.paused":
      if (dataOf(entry, "run.paused")) facts.pause_index = Math.max(facts.pause_index ?? 0, sequence_index);
      return;
    case "run.completed":
      if (dataOf(entry, "run.completed")) facts.completed_index = Math.max(facts.completed_index ?? 0, sequence_index);
  }
}
