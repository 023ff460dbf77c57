/** One start after the other of an agent's run, without a bus: a journal in memory, and a context that says who starts it. */
import {
  agentInput,
  dataOf,
  type AgentInput,
  type NewRunEvent,
  type PendingCall,
  type RunEventData,
  type RunEventEntry,
} from "@myelin/bus/run-events";
import type { Agent } from "@myelin/agent";
import type { NeuronContext, RunJournal } from "@myelin/neuron";
import { fakeNeuronContext } from "./fake-neuron-context.ts";

export interface RecordedJournal extends RunJournal {
  readonly entries: readonly RunEventEntry[];
  /** The entries of each append. */
  readonly appends: readonly (readonly RunEventEntry[])[];
}

/** A journal that begins with these entries, and shows how it was written. `onAppend` may fail or delay an append. */
export function recordedJournal(
  before: readonly RunEventEntry[] = [],
  onAppend: (added: readonly RunEventEntry[]) => void | Promise<void> = () => {},
): RecordedJournal {
  const entries = [...before];
  const appends: RunEventEntry[][] = [];
  return {
    entries,
    appends,
    read: () => Promise.resolve([...entries]),
    append: async (added) => {
      const placed = added.map(({ event_type, iteration_index = 0, correlation_id, data }, at) => ({
        sequence_index: entries.length + at,
        iteration_index,
        event_type,
        correlation_id: correlation_id ?? null,
        // As the log gives it back.
        data: JSON.parse(JSON.stringify(data)) as Record<string, unknown>,
      }));
      await onAppend(placed);
      entries.push(...placed);
      appends.push(placed);
    },
  };
}

export interface Started {
  /** What the neuron returned, or threw. */
  readonly returned: unknown;
  readonly thrown: unknown;
  readonly journal: RecordedJournal;
  readonly thoughts: readonly string[];
}

/** One start of an agent's run. Never rejects. */
export async function startAgent(
  agent: Agent,
  input: string | AgentInput,
  overrides: Partial<NeuronContext> & { readonly journal?: RecordedJournal } = {},
): Promise<Started> {
  const journal = overrides.journal ?? recordedJournal();
  const { ctx, thoughts } = fakeNeuronContext({ ...overrides, journal });
  const parsed = agentInput.parse(typeof input === "string" ? { text: input } : input);
  try {
    return { returned: await agent.neuron(parsed, ctx), thrown: undefined, journal, thoughts };
  } catch (thrown) {
    return { returned: undefined, thrown, journal, thoughts };
  }
}

export const typesOf = (entries: readonly RunEventEntry[]): string[] => entries.map(({ event_type }) => event_type);

/** The data of the entries of a type. */
export const dataOfAll = (entries: readonly RunEventEntry[], type: string): Record<string, unknown>[] =>
  entries.filter(({ event_type }) => event_type === type).map(({ data }) => data);

/** What a person, or a client, says to a pause. Null: nothing. */
export type Answerer = (paused: PausedData) => readonly NewRunEvent[] | null;

type PausedData = RunEventData<"run.paused">;

/** Yes to every call. */
export const approveAll: Answerer = ({ pending }) => pending.map((call) => decision(call, true));

export const decision = (
  { call_id, tool_name }: Pick<PendingCall, "call_id" | "tool_name">,
  approved: boolean,
  reason: string | null = null,
): NewRunEvent => ({
  event_type: "approval.decided",
  correlation_id: call_id,
  data: { call_id, tool_name, approved, by: "ada", reason },
});

/** What a client, or a person, gives for a call. */
export const answerTo = (
  { needs: _needs, ...call }: PendingCall,
  result: unknown,
  error: string | null = null,
): NewRunEvent => ({
  event_type: "tool.completed",
  correlation_id: call.call_id,
  data: { ...call, success: error === null, result, error, duration_ms: null },
});

/** The pause that is open. */
export function openPause(entries: readonly RunEventEntry[]): PausedData {
  const last = entries.findLastIndex(({ event_type }) => event_type === "run.paused");
  return dataOf(entries[last]!, "run.paused")!;
}

/** Answer the open pause, and wake the run with this task, as a submitter does. */
export async function submit(journal: RecordedJournal, answers: readonly NewRunEvent[], taskId: string): Promise<void> {
  const { pause_id, status } = openPause(journal.entries);
  const resumed: NewRunEvent = {
    event_type: "run.resumed",
    data: { pause_id, resumed_from: status, by: "ada", task: { id: taskId, timeout_ms: 60_000 } },
  };
  await journal.append([...answers, resumed]);
}

/** Run an agent through its pauses, to its end. */
export async function runThrough(
  agent: Agent,
  input: string | AgentInput,
  { journal = recordedJournal(), answer = approveAll }: { journal?: RecordedJournal; answer?: Answerer } = {},
): Promise<Started> {
  const resumes = () => journal.entries.filter(({ event_type }) => event_type === "run.resumed");
  for (;;) {
    const taskId = (resumes().at(-1)?.data["task"] as { id: string } | undefined)?.id ?? "evt_task_0";
    const started = await startAgent(agent, input, { journal, taskId });
    if (!isPause(started.returned)) return started;
    const answers = answer(openPause(journal.entries));
    if (answers === null) return started;
    await submit(journal, answers, `evt_task_${resumes().length + 1}`);
  }
}

export const isPause = (returned: unknown): boolean => (returned as { kind?: unknown } | undefined)?.kind === "pause";

const ID = /\b(call|llm|pause)_[0-9a-f]{32}\b/g;
const TIMES = new Set(["duration_ms", "elapsed_ms", "expires_at"]);

/** Entries without what differs between two runs that did the same: ids are numbered as they come, times are left out. */
export function comparable(entries: readonly RunEventEntry[]): unknown {
  const names = new Map<string, string>();
  const text = JSON.stringify(entries, (key, value: unknown) => (TIMES.has(key) ? null : value));
  return JSON.parse(
    text.replace(ID, (id, prefix: string) => {
      if (!names.has(id)) names.set(id, `${prefix}_${names.size}`);
      return names.get(id)!;
    }),
  );
}
