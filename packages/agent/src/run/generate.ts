/** Generate: the model's answer, which goes out as it comes, as far as the guardrails let it pass. */
import type { Blocked } from "@myelin/bus/run-events";
import type { Model, ModelDelta, ModelRequest, ModelResponse, ModelRetry } from "@myelin/neuron";
import { blockedEntry, blockedFailure } from "../guardrails/guardrail-set.ts";
import type { ActiveRun } from "./active-run.ts";
import { fromNew } from "./event.ts";

export async function generate(
  run: ActiveRun,
  model: Model,
  request: ModelRequest,
  onRetry: (retry: ModelRetry) => void,
): Promise<ModelResponse> {
  const { signal, thought } = run.ctx;
  signal.throwIfAborted();
  if (!run.agent.stream) return model.generate(request, { signal, onRetry });
  if (!run.guard.isEmpty) return generateGuarded(run, model, request, onRetry);
  const onDelta = ({ type, text }: ModelDelta) => thought(text, type);
  return model.generate(request, { signal, onRetry, onDelta });
}

/** What it says and what it thinks, each looked through by itself. */
async function generateGuarded(
  run: ActiveRun,
  model: Model,
  request: ModelRequest,
  onRetry: (retry: ModelRetry) => void,
): Promise<ModelResponse> {
  const { signal, thought } = run.ctx;
  const where = { direction: "outgoing", iterationIndex: run.state.turns.length + 1 } as const;
  const stop = new AbortController();
  let found: Blocked | null = null;
  const onBlocked = (blocked: Blocked) => {
    found ??= blocked;
    stop.abort();
  };
  const guardOf = (type: ModelDelta["type"]) =>
    run.guard.stream({ signal, onText: (text) => thought(text, type), onBlocked });
  const shown = { text: guardOf("text"), reasoning: guardOf("reasoning") };
  try {
    const response = await model.generate(request, {
      signal: AbortSignal.any([signal, stop.signal]),
      onRetry,
      onDelta: ({ type, text }) => shown[type].push(text),
    });
    // A whole answer is looked through once more by whoever keeps it.
    await Promise.all([shown.text.end(), shown.reasoning.end()]);
    return response;
  } catch (thrown) {
    if (found === null || signal.aborted) throw thrown;
    run.record([fromNew(blockedEntry(found, where))]);
    throw blockedFailure(found, where);
  }
}
