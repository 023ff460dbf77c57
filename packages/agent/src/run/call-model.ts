/** Call model: one request, and the entries that say what came of it, also when it gave nothing. */
import type { RunEventData } from "@myelin/bus/run-events";
import { NeuronFailure, type JsonObject, type ModelRequest, type ModelResponse, type ModelRetry } from "@myelin/neuron";
import type { ActiveRun, RunTools } from "./active-run.ts";
import { newMessageCount, toJournalMessage, toMessages } from "./conversation.ts";
import { eventOf, type AgentEvent } from "./event.ts";
import { generate } from "./generate.ts";
import { newId } from "./ids.ts";
import { toModelParams } from "./model-params.ts";
import { toUsageData } from "./usage.ts";

/** Rejects with the model's failure, which is then recorded. */
export async function callModel(run: ActiveRun, tools: RunTools): Promise<void> {
  const iteration = run.state.turns.length + 1;
  const id = newId("llm");
  const request = toRequest(run, tools);
  const startedAt = performance.now();
  const timing = () => ({ duration_ms: Math.round(performance.now() - startedAt), elapsed_ms: run.elapsedMs });
  const failed = (failure: NeuronFailure, spent: Pick<RunEventData<"llm.failed">, "usage" | "cost_nano_usd">) => {
    const { code, message } = failure;
    const model = request.model ?? tools.model.model;
    const data = { id, provider: tools.model.vendor, model, error: { code, message }, ...spent, ...timing() };
    return eventOf("llm.failed", iteration, data, id);
  };

  const retries: AgentEvent[] = [];
  const onRetry = (retry: ModelRetry) => void retries.push(retryEvent(retry, iteration, id));
  let response: ModelResponse;
  try {
    response = await generate(run, tools.model, request, onRetry);
  } catch (thrown) {
    const failure = NeuronFailure.from(thrown);
    run.record([...retries, failed(failure, { usage: null, cost_nano_usd: null })]);
    throw run.ctx.signal.aborted ? (run.ctx.signal.reason as Error) : failure;
  }

  const time = timing();
  const { text, reasoning, output } = response;
  const spent = { usage: toUsageData(response.usage), cost_nano_usd: costOf(tools, response) };
  const calls = response.toolCalls.map(({ params, problem }) => ({ params, problem }));
  const given = { text, reasoning, output, calls };
  run.record(retries);
  const masked = await run
    .mask(given, { direction: "outgoing", iterationIndex: iteration })
    .catch((thrown: unknown) => {
      run.record([failed(NeuronFailure.from(thrown), spent)]);
      throw thrown;
    });
  if (masked.blocked) {
    // It is no answer, and nothing of it is kept. What it cost is.
    run.record([failed(masked.blocked, spent)]);
    throw masked.blocked;
  }
  const answer: RunEventData<"llm.completed"> = {
    id,
    provider: tools.model.vendor,
    model: response.model,
    order_index: nextOrderIndex(run),
    text: masked.value.text,
    tool_calls: response.toolCalls.map(({ providerCallId, name }, at) => {
      const { params, problem } = masked.value.calls[at]!;
      return {
        call_id: newId("call"),
        provider_call_id: providerCallId,
        tool_name: name,
        params,
        ...(problem !== undefined && { problem }),
      };
    }),
    reasoning: masked.value.reasoning,
    // They are signed, so they are kept as they came or not at all. What can be read of them is `reasoning`.
    reasoning_blocks: masked.value.reasoning === reasoning ? [...response.reasoningBlocks] : [],
    finish_reason: response.finishReason,
    ...spent,
    ...time,
    ...(masked.value.output !== undefined && { output: masked.value.output }),
    ...payloads(run, request, response),
  };
  run.record([eventOf("llm.completed", iteration, answer, id)]);
}

function retryEvent(
  { attempt, statusCode, code, retryAfterMs }: ModelRetry,
  iteration: number,
  id: string,
): AgentEvent {
  const data = { attempt, status_code: statusCode, code, retry_after_ms: retryAfterMs };
  return eventOf("provider.retry", iteration, data, id);
}

/** A server may name its model more finely than the price table does. */
const costOf = ({ model, modelName }: RunTools, response: ModelResponse): number | null =>
  model.costOf(response.model, response.usage) ?? model.costOf(modelName, response.usage);

function toRequest(run: ActiveRun, { specs, modelName }: RunTools): ModelRequest {
  const { agent, state } = run;
  const { params, output_schema } = state.started!;
  return {
    model: modelName,
    messages: toMessages(state),
    ...(specs.length > 0 && { tools: specs }),
    ...(Object.keys(params).length > 0 && { params: toModelParams(params) }),
    ...(output_schema !== null && { outputSchema: output_schema }),
    cacheKey: `myelin:${agent.name}:${modelName}`,
  };
}

/** Behind the last answer and what came of its calls; first, behind what the user said, and what followed that in a run that is retried. */
function nextOrderIndex({ state }: ActiveRun): number {
  const last = state.turns.at(-1);
  if (last) return last.answer.order_index + 1 + last.calls.length;
  const { seed = [], seed_after = [] } = state.started ?? {};
  return seed.length + 1 + seed_after.length;
}

/** What `recordPayloads` says. What the vendor was sent and gave is raw, so with guardrails it is left out. */
function payloads(run: ActiveRun, { messages }: ModelRequest, response: ModelResponse): JsonObject {
  const { recordPayloads } = run.agent;
  if (recordPayloads === "masked") return {};
  const isFull = recordPayloads === "full";
  const kept = isFull ? messages : messages.slice(-newMessageCount(run.state, messages.length));
  const isRaw = !run.guard.isEmpty;
  return {
    messages: kept.map(toJournalMessage),
    ...(isFull && !isRaw && { provider_request: response.providerRequest }),
    ...(!isRaw && { provider_response: response.providerResponse }),
  };
}
