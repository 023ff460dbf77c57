/** Logs of runs, as random as they come: what R1 is tried on, and short stories told by hand. */
import { createSignal, type SignalOf } from "@myelin/bus";
import * as fc from "fast-check";
import { type ArrayLog } from "./array-log.ts";

const WORKER = { id: "worker", type: "neuron", capabilities: ["text"] };
const TRACES = 2;

const SIMPLE = [
  "ask",
  "ask without end",
  "wake",
  "answer",
  "final",
  "fail",
  "fail for good",
  "replay",
  "stop",
  "clarify",
  "permit",
  "escalate",
  "say",
] as const;

/** One thing that may happen to run number `run`. */
export type RunStep =
  | {
      does: (typeof SIMPLE)[number];
      run: number;
    }
  | { does: "journal"; run: number; entries: { index: number; type: string; status: string; iteration: number }[] }
  | { does: "register" | "deregister" | "garbage" | "gap" | "announce"; run: number }
  | { does: "unstorable"; run: number };

const OTHER = ["register", "deregister", "garbage", "gap", "announce", "unstorable"] as const;
const ENTRY_TYPES = [
  "run.started",
  "attempt.started",
  "llm.completed",
  "llm.failed",
  "tool.completed",
  "run.paused",
  "run.resumed",
  "run.completed",
  "run.error",
];

const ATTEMPTS = [{ attempt: 1, code: "BROKEN", message: "first", at: "2026-11-16T08:00:00.000Z", instance: "dnd_0" }];

const run = fc.nat({ max: 4 });
const journalEntry = fc.record({
  index: fc.nat({ max: 6 }), // several writers may claim one index: the first in the log has it
  type: fc.constantFrom(...ENTRY_TYPES),
  status: fc.constantFrom("waiting_approval", "waiting_client_tool", "success", "max_iterations", "nonsense"),
  iteration: fc.nat({ max: 9 }),
});
export const runStep: fc.Arbitrary<RunStep> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ does: fc.constantFrom(...SIMPLE), run }) },
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant("journal" as const),
      run,
      entries: fc.array(journalEntry, { minLength: 1, maxLength: 4, size: "max" }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constantFrom(...OTHER), run }) },
);

export const runId = (run: number) => `run_${run}` as const;

/** Append to a log what a step says. Everything in it follows from the step and its place. */
export function tell(log: ArrayLog, step: RunStep): void {
  const at = log.lastSeq + 1;
  const trace_id = `trc_${step.run % TRACES}` as const;
  const meta: SignalOf<"TASK">["meta"] = {
    run_id: runId(step.run),
    tenant_id: `tenant-${step.run % 2}`,
    attempt: (at % 3) + 1,
    instance: `dnd_${step.run % 2}`,
    ...(step.run > 2 && { parent_run_id: runId(step.run - 1) }),
  };
  const common = { id: `evt_${at}` as const, ts: "2026-11-16T07:59:59.000Z", trace_id, meta };
  switch (step.does) {
    case "ask":
      log.add({
        ...common,
        type: "TASK",
        directed: WORKER,
        payload: {
          input: { question: at },
          deadline: `2026-11-16T10:00:${10 + (at % 50)}.000Z`,
          priority: "high",
          metadata: { thread_id: `t${step.run}`, n: at },
        },
      });
      break;
    case "ask without end": // no deadline
      log.add({ ...common, type: "TASK", directed: WORKER, payload: { input: { question: at } } });
      break;
    case "wake":
      log.add({
        ...common,
        type: "TASK",
        directed: WORKER,
        payload: { input: { question: "again" }, answers: [{ kind: "clarification", question: "q", answer: at }] },
      });
      break;
    case "answer":
      log.add({ ...common, type: "AGENT_OUTPUT", directed: WORKER, payload: { output: { answer: at } } });
      break;
    case "final":
      log.add({ ...common, type: "FINAL", directed: WORKER, payload: { result: { final: at } } });
      break;
    case "fail":
      log.add({
        ...common,
        type: "ERROR",
        directed: WORKER,
        payload: { code: "BROKEN", message: `at ${at}`, recoverable: at % 2 === 0 },
      });
      break;
    case "fail for good":
      log.add({
        ...common,
        type: "ERROR",
        directed: WORKER,
        payload: {
          code: "BROKEN",
          message: `at ${at}`,
          recoverable: true,
          ...(at % 2 === 0 && { attempts: ATTEMPTS }),
        },
        meta: { ...meta, task_seq: Math.max(at - 1, 1) },
      });
      break;
    case "replay": // of whatever is so far back, and of what is still to come
      log.add({
        ...common,
        type: "TASK",
        directed: WORKER,
        parent_id: `evt_${at - (at % 5) + 1}`,
        payload: { input: { again: at } },
      });
      break;
    case "stop":
      log.add({ ...common, type: "STOPPED", directed: WORKER, payload: {} });
      break;
    case "clarify":
      log.add({ ...common, type: "CLARIFICATION", directed: WORKER, payload: { question: `q${at}`, ...expiry(at) } });
      break;
    case "permit":
      log.add({
        ...common,
        type: "PERMISSION",
        directed: WORKER,
        payload: { action: `a${at}`, ...told(at), ...expiry(at) },
      });
      break;
    case "escalate":
      log.add({ ...common, type: "ESCALATION", directed: WORKER, payload: { reason: `r${at}` } });
      break;
    case "say":
      log.add({ ...common, type: "THOUGHT_DELTA", directed: WORKER, payload: { delta: `d${at}`, joined: true } });
      break;
    case "journal":
      log.add({
        ...common,
        type: "RUN_EVENT",
        directed: WORKER,
        payload: {
          entries: step.entries.map(({ index, type, status, iteration }) => ({
            sequence_index: index,
            iteration_index: iteration,
            event_type: type,
            correlation_id: index % 2 ? `c${index}` : null,
            data: dataOf(type, index, status, at),
          })),
        },
      });
      break;
    case "register":
      log.add({
        ...common,
        type: "REGISTER",
        directed: WORKER,
        payload: { role: "axon", capabilities: ["text"], concurrency: 4 },
      });
      break;
    case "deregister":
      log.add({ ...common, type: "DEREGISTER", directed: WORKER, payload: {} });
      break;
    case "announce": // belongs to no run
      log.add({ ...common, meta: {}, type: "STOP", payload: { reason: `s${at}` } });
      break;
    case "unstorable": {
      // One kind is seen before Postgres is asked, the other is refused by it.
      const output = at % 2 === 0 ? { text: `nul \0 at ${at}` } : { text: "NUMBER" };
      const signal = createSignal({ ...common, type: "AGENT_OUTPUT", directed: WORKER, payload: { output } });
      log.addBytes(JSON.stringify(signal).replace('"NUMBER"', "1e999999"));
      break;
    }
    case "garbage":
      log.addBytes(`not json ${at}`);
      break;
    case "gap":
      log.addBytes("gone");
      log.addBytes(`after a gap ${at}`);
      log.remove(at, at);
      break;
  }
}

/** Half of those are of a journal, which has asked before. */
const told = (at: number) => (at % 2 === 0 ? { context: { pause_id: `p${at}` } } : {});

/** What an agent would say, with numbers that tell one from another; every fifth does not fit its type's schema. */
function dataOf(type: string, index: number, status: string, at: number): Record<string, unknown> {
  if (status === "nonsense") return { status, at };
  const maybe = (n: number) => (n % 3 === 0 ? null : n); // null and 0 differ
  const usage = {
    input_tokens: maybe(at),
    output_tokens: maybe(index),
    cache_read_input_tokens: maybe(at + 1),
    cache_creation_input_tokens: null,
    reasoning_tokens: 0,
  };
  const call = { call_id: `c${at}`, provider_call_id: maybe(at) && `p${at}`, tool_name: "add", params: { a: at } };
  const asked = { id: `llm_${at}`, provider: "acme", model: `m${index % 2}`, usage, duration_ms: at };
  switch (type) {
    case "run.started":
      return {
        ...{
          agent_name: `agent-${at}`,
          agent_version: maybe(at) && "1",
          strategy: "react",
          model: `acme:m${at}`,
          params: {},
        },
        ...{ system_prompt: "", tools: [], sources: [], output_schema: null, message: `said at ${at}`, history: [] },
        ...{
          context: [],
          seed: at % 2 === 0 ? [{ role: "user", content: "before" }, { role: "?" }] : [],
          budget: null,
        },
        ...{ max_iterations: at, delegation_level: at % 3, max_delegation_depth: maybe(at), timeout_ms: null },
        retry_of: maybe(at) && `run_${at}`,
      };
    case "llm.completed":
      return {
        ...{ ...asked, cost_nano_usd: maybe(at) && at * 1_000, order_index: index, text: `t${at}`, tool_calls: [call] },
        ...{ reasoning: null, reasoning_blocks: [], finish_reason: "stop" },
      };
    case "llm.failed":
      return {
        ...asked,
        usage: at % 2 === 0 ? usage : null,
        cost_nano_usd: null,
        error: { code: "E", message: `e${at}` },
      };
    case "tool.completed":
      return {
        ...{ ...call, target: "server", success: at % 2 === 0, result: at % 4 === 0 ? { at } : null, error: null },
        ...{ duration_ms: maybe(at), order_index: index },
      };
    case "run.paused":
      return {
        pause_id: `p${at}`,
        status,
        question: "?",
        pending: [],
        expires_at: expiry(at).expires_at ?? null,
        reason: "approval",
      };
    case "run.completed":
      return { status: status === "success" ? status : "max_iterations", answer: maybe(at) && `a${at}`, output: null };
    default:
      return { status, at };
  }
}

/** Half of the questions expire. */
const expiry = (at: number) => (at % 2 === 0 ? { expires_at: `2026-11-17T10:00:${10 + (at % 50)}Z` } : {});
