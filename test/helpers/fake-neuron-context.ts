/** Fake neuron context: lets a test call a neuron without a bus, and see what it streamed. */

import type { NewRunEvent, RunEventEntry } from "@myelin/bus/run-events";
import type { NeuronContext, RunJournal } from "@myelin/neuron";

export interface FakeNeuronContext {
  readonly ctx: NeuronContext;
  /** What the neuron streamed, oldest first. */
  readonly thoughts: string[];
}

/** A context for a first start without a deadline. It has no children: dispatching rejects. */
export function fakeNeuronContext(overrides: Partial<NeuronContext> = {}): FakeNeuronContext {
  const thoughts: string[] = [];
  const ctx: NeuronContext = {
    signal: new AbortController().signal,
    neuronId: "test",
    runId: "run_test",
    traceId: "trc_test",
    taskId: "evt_test",
    attempt: 1,
    deadline: null,
    tenantId: "default",
    metadata: {},
    answers: [],
    step: async (name, fn) => fn({ name, key: `run_test:${name}` }),
    stepKey: "run_test:step",
    journal: fakeJournal(),
    thought: (delta) => thoughts.push(delta),
    toolCall: () => {},
    toolResult: () => {},
    dispatchAndWait: () => Promise.reject(new Error("a fake context has no children")),
    call: () => Promise.reject(new Error("a fake context has no children")),
    delegate: () => Promise.reject(new Error("a fake context has no children")),
    ...overrides,
  };
  return { ctx, thoughts };
}

/** A journal in memory, which begins with these entries. */
export function fakeJournal(entries: readonly RunEventEntry[] = []): RunJournal {
  const kept = [...entries];
  return {
    read: () => Promise.resolve(kept),
    append: (added: readonly NewRunEvent[]) => {
      for (const { event_type, iteration_index = 0, correlation_id, data } of added) {
        const sequence_index = kept.length;
        kept.push({ sequence_index, iteration_index, event_type, correlation_id: correlation_id ?? null, data });
      }
      return Promise.resolve();
    },
  };
}
