/** Signals to test with: small, valid, and each of another kind of subject. */
import {
  createSignal,
  newRunId,
  newTraceId,
  type InstanceId,
  type Lane,
  type RunId,
  type SignalOf,
  type TraceId,
} from "../src/protocol/index.ts";

const neuron = (id: string) => ({ id, type: null, capabilities: [] });

/** A TASK for a neuron: `put.TASK.<neuronId>.<lane>.<bucket>._`. */
export function sampleTask(
  options: { neuronId?: string; lane?: Lane; input?: Record<string, unknown>; traceId?: TraceId } = {},
): SignalOf<"TASK"> {
  const { neuronId = "echo", lane, input = {}, traceId = newTraceId() } = options;
  return createSignal({
    type: "TASK",
    trace_id: traceId,
    directed: neuron(neuronId),
    payload: { input, ...(lane === undefined ? {} : { priority: lane }) },
    meta: { run_id: newRunId() },
  });
}

/** An AGENT_OUTPUT: `put.AGENT_OUTPUT.<replyTo>._.<bucket>.<runId>`. */
export function sampleReply(
  options: { replyTo?: InstanceId; runId?: RunId; output?: Record<string, unknown> } = {},
): SignalOf<"AGENT_OUTPUT"> {
  const { replyTo = "dnd_1", runId = newRunId(), output = {} } = options;
  return createSignal({
    type: "AGENT_OUTPUT",
    trace_id: newTraceId(),
    directed: neuron("echo"),
    payload: { output },
    meta: { run_id: runId, reply_to: replyTo },
  });
}

/** A RUN_EVENT, all of one run on one subject: `put.RUN_EVENT.<runId>._.<bucket>.<runId>`. */
export function sampleEvent(options: { runId: RunId; traceId: TraceId; index?: number }): SignalOf<"RUN_EVENT"> {
  const { runId, traceId, index = 0 } = options;
  const entry = {
    sequence_index: index,
    iteration_index: 0,
    event_type: "llm.completed",
    correlation_id: null,
    data: {},
  };
  return createSignal({
    type: "RUN_EVENT",
    trace_id: traceId,
    directed: neuron("echo"),
    payload: { entries: [entry] },
    meta: { run_id: runId },
  });
}

/** A HEARTBEAT, which is nobody's: `live.HEARTBEAT._._.<bucket>._`. */
export function sampleHeartbeat(options: { status?: string } = {}): SignalOf<"HEARTBEAT"> {
  return createSignal({
    type: "HEARTBEAT",
    trace_id: newTraceId(),
    directed: neuron("echo"),
    payload: { status: options.status ?? "ready" },
  });
}
