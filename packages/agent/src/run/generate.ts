/** Generate: the model's answer, which goes out as it comes, as far as the guardrails let it pass. */
import type { Model, ModelDelta, ModelRequest, ModelResponse, ModelRetry } from "@myelin/neuron";
import { blockedFailure } from "../guardrails/guardrail-set.ts";
import type { ActiveRun } from "./active-run.ts";

export async function generate(
  run: ActiveRun,
  model: Model,
  request: ModelRequest,
  onRetry: (retry: ModelRetry) => void,
): Promise<ModelResponse> {
  const { signal, thought } = run.ctx;
  signal.throwIfAborted();
  if (!run.agent.stream) return model.generate(request, { signal, onRetry });
  if (run.agent.guardrails.length > 0) return generateGuarded(run, model, request, onRetry);
  const onDelta = ({ type, text }: ModelDelta) => thought(text, type);
  return model.generate(request, { signal, onRetry, onDelta });
}

/** What it thinks is not shown then: nobody looks through it before it is complete. */
async function generateGuarded(
  { ctx: { signal, thought }, guard }: ActiveRun,
  model: Model,
  request: ModelRequest,
  onRetry: (retry: ModelRetry) => void,
): Promise<ModelResponse> {
  const stop = new AbortController();
  const shown = guard.stream({
    signal,
    onText: (text) => thought(text),
    onBlocked: (blocked) => stop.abort(blockedFailure(blocked, { direction: "outgoing" })),
  });
  const onDelta = ({ type, text }: ModelDelta) => {
    if (type === "text") shown.push(text);
  };
  try {
    const response = await model.generate(request, {
      signal: AbortSignal.any([signal, stop.signal]),
      onRetry,
      onDelta,
    });
    await shown.end();
    return response;
  } catch (thrown) {
    throw stop.signal.aborted && !signal.aborted ? (stop.signal.reason as Error) : thrown;
  }
}
