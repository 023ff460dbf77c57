/**
 * Run tool: one call, with its time limit, to the entry that says what came of it. It never rejects for what a tool did:
 * that is an answer for the model. It rejects when the run was aborted, and then nobody knows what the call did.
 */
import type { ChildEnd } from "@myelin/bus/run-events";
import { NeuronFailure, type Delegated, type Tool, type ToolContext } from "@myelin/neuron";
import { isAgentTool } from "../agent-tool.ts";
import type { ActiveRun } from "./active-run.ts";
import { delegate } from "./delegate.ts";
import { eventOf } from "./event.ts";
import type { Call } from "./state.ts";

/** What a call gave, before guardrails have seen it. */
type Outcome = ({ readonly kind: "ended" } & ChildEnd) | Extract<Delegated, { kind: "paused" }>;

const MAX_RESULT_BYTES = 1024 * 1024;
/** A page of HTML in an error would fill the model's context, and what is larger than a Signal may be would end the run. */
const MAX_ERROR_LENGTH = 16_384;

export async function runTool(run: ActiveRun, tool: Tool, call: Call): Promise<void> {
  const startedAt = performance.now();
  const outcome = await outcomeOf(run, tool, call);
  const durationMs = Math.round(performance.now() - startedAt);
  const { call_id, provider_call_id, tool_name, params } = call.data;
  const iteration = run.state.turns.length;
  if (outcome.kind === "paused") {
    const { runId: child_run_id, agent: child_agent } = outcome;
    run.record([eventOf("child.paused", iteration, { call_id, child_run_id, child_agent }, call_id)]);
    return;
  }
  const { used } = outcome;
  const where = { direction: "incoming", iterationIndex: iteration, correlationId: call_id } as const;
  const masked = await run.mask({ result: outcome.result, error: outcome.error }, where).catch(unreadable);
  const data = {
    ...{ call_id, provider_call_id, tool_name, params, target: tool.target },
    success: outcome.success && masked.blocked === null,
    result: masked.blocked ? null : masked.value.result,
    error: masked.blocked ? masked.blocked.message : masked.value.error,
    duration_ms: durationMs,
    order_index: call.orderIndex,
    elapsed_ms: run.elapsedMs,
    ...(used && { usage: used.usage, cost_nano_usd: used.costNanoUsd }),
  };
  run.record([eventOf("tool.completed", iteration, data, call_id)]);
  if (masked.blocked) throw masked.blocked;
}

/** A guardrail failed: what the tool gave may not be kept, but that it ran is known. */
const unreadable = (thrown: unknown) => ({ value: { result: null, error: null }, blocked: NeuronFailure.from(thrown) });

async function outcomeOf(run: ActiveRun, tool: Tool, call: Call): Promise<Outcome> {
  const { ctx, guard } = run;
  const limit = new TimeLimit(ctx.signal, tool.timeoutMs);
  try {
    const params = guard.unmask(call.data.params);
    // What it delegates to has a deadline of its own.
    if (isAgentTool(tool)) return await delegate(run, tool, params, keyOf(run, call));
    const result: unknown = await limit.race(tool.run(params, toolContext(run, call, limit.signal)));
    return toJson(result);
  } catch (thrown) {
    // What an abort made of it says nothing about what the tool did.
    if (ctx.signal.aborted) throw ctx.signal.reason as Error;
    const error = limit.hasPassed ? `the tool took longer than ${tool.timeoutMs} ms` : messageOf(thrown);
    return failed(error);
  } finally {
    limit.clear();
  }
}

const keyOf = ({ ctx }: ActiveRun, { data }: Call): string => `${ctx.runId}:${data.call_id}`;

const failed = (error: string): Outcome => ({ kind: "ended", success: false, result: null, error, used: null });

function toolContext(run: ActiveRun, call: Call, signal: AbortSignal): ToolContext {
  const { ctx } = run;
  const { neuronId, runId, traceId, taskId, attempt, deadline, tenantId, metadata } = ctx;
  const { thought, toolCall, toolResult, dispatchAndWait } = ctx;
  return {
    ...{ neuronId, runId, traceId, taskId, attempt, deadline, tenantId, metadata },
    ...{ thought, toolCall, toolResult, dispatchAndWait, call: ctx.call },
    signal,
    callId: call.data.call_id,
    key: keyOf(run, call),
  };
}

/** As the journal will give it back, so that a first and a later start see the same. */
function toJson(value: unknown): Outcome {
  const given = (result: unknown): Outcome => ({ kind: "ended", success: true, result, error: null, used: null });
  if (value === undefined) return given(null);
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    return failed(`the tool's result is not JSON: ${(cause as Error).message.split("\n")[0]}`);
  }
  if (text === undefined) return failed(`the tool's result is not JSON: it is a ${typeof value}`);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_RESULT_BYTES)
    return failed(`the tool's result is ${bytes} bytes; at most ${MAX_RESULT_BYTES} are kept`);
  return given(JSON.parse(text));
}

function messageOf(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : thrown;
  return typeof message === "string" && message !== "" ? message.slice(0, MAX_ERROR_LENGTH) : "the tool failed";
}

/** Aborts a call after its time, or with its run. A tool that does not listen is left behind. */
class TimeLimit {
  readonly #abort = new AbortController();
  readonly #run: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort = () => this.#abort.abort(this.#run.reason);
  hasPassed = false;

  constructor(run: AbortSignal, timeoutMs: number) {
    this.#run = run;
    this.#timer = setTimeout(() => {
      this.hasPassed = true;
      this.#abort.abort(new DOMException(`the tool took longer than ${timeoutMs} ms`, "TimeoutError"));
    }, timeoutMs);
    if (run.aborted) this.#onAbort();
    else run.addEventListener("abort", this.#onAbort);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  race<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#abort;
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason as Error);
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
      work.then(resolve, reject);
    });
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#run.removeEventListener("abort", this.#onAbort);
  }
}
