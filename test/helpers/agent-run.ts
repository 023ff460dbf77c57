/** One start after the other of an agent's run, without a bus: a journal in memory, and a context that says who starts it. */
import type { AgentInput, RunEventEntry } from "@myelin/bus/run-events";
import { agentInput } from "@myelin/bus/run-events";
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
