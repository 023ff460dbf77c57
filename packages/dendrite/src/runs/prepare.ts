/**
 * Prepare: a request for a run as the dispatch it becomes. Whatever the agent would refuse is refused here, before anything is
 * sent: it has said in its registration what it has.
 */
import type { Bus } from "@myelin/bus";
import {
  agentInput,
  findBlocked,
  TASK_TIMEOUT_MS,
  toBudgetData,
  type AgentCard,
  type AgentInput,
} from "@myelin/bus/run-events";
import {
  DendriteError,
  GuardrailBlockedError,
  InputValidationError,
  NotAnAgentError,
  NoWorkerError,
  UnknownNameError,
} from "../errors.ts";
import type { DispatchRequest } from "../requests.ts";
import type { RosterWatch } from "../roster-watch.ts";
import { toIssues } from "../validate.ts";
import type { AgentRef, RunRequest } from "./run-request.ts";
import type { Seed } from "./seed.ts";

/** What a retry adds. */
export interface RetryInput extends Seed {
  readonly retry_of: string;
}

/** Rejects with `InputValidationError`, `NoWorkerError`, `UnknownNameError`, `GuardrailBlockedError`, `NotAnAgentError`. */
export async function prepare(
  { roster, bus }: { roster: RosterWatch; bus: Bus },
  agent: AgentRef,
  request: RunRequest,
  retry?: RetryInput,
): Promise<DispatchRequest & { readonly timeoutMs: number }> {
  const neuron = typeof agent === "string" ? agent : agent?.neuronId;
  if (typeof neuron !== "string" || typeof request !== "object" || request === null) {
    throw new DendriteError("INVALID_OPTION", 'say who and what: ("support", { text })');
  }
  const parsed = agentInput.safeParse({ ...toAgentInput(request), ...retry });
  if (!parsed.success) throw new InputValidationError(neuron, toIssues(parsed.error));
  const card = await roster.cardOf(neuron);
  if (!card) {
    if (!roster.knows(neuron)) throw new NoWorkerError({ neuron, capabilities: [] }, bus.namespace);
    throw new NotAnAgentError(neuron);
  }
  checkNames(neuron, card, request);
  const { text, history, context, prompt, seed = [], seed_after = [] } = parsed.data;
  const said = { text, history, context, prompt, seed: readable(seed), seed_after: readable(seed_after) };
  const { blocked } = findBlocked(card.blocks, said);
  if (blocked) throw new GuardrailBlockedError(neuron, blocked.guardrail, blocked.entities);
  const { metadata, tenantId, traceId, priority, idempotencyKey, timeoutMs = TASK_TIMEOUT_MS } = request;
  return { neuron, input: parsed.data, metadata, tenantId, traceId, priority, idempotencyKey, timeoutMs };
}

/** Signed thoughts are opaque: what can be read of them is `reasoning`. */
const readable = (rows: readonly Record<string, unknown>[]) => rows.map(({ reasoning_blocks: _, ...row }) => row);

function checkNames(agent: string, card: AgentCard, { model, tools = [], sources = [] }: RunRequest): void {
  const check = (what: UnknownNameError["what"], names: readonly string[], known: readonly string[]) => {
    const unknown = names.find((name) => !known.includes(name));
    if (unknown !== undefined) throw new UnknownNameError(agent, what, unknown, known);
  };
  if (model !== undefined) check("vendor", [model.split(":")[0]!], card.vendors);
  check("tool", tools, card.tools);
  check("source", sources, card.sources);
}

/** The input of an agent's TASK. What is not said is left out: then it is the agent's own. */
export function toAgentInput(request: RunRequest): AgentInput {
  const { text, history, context, model, params, prompt, tools, sources, budget, timeoutMs } = request;
  const { maxIterations: max_iterations, maxDelegationDepth: max_delegation_depth } = request;
  const input = {
    ...{ text, history, context, model, params, prompt, tools, sources, max_iterations, max_delegation_depth },
    budget: budget && toBudgetData(budget),
    timeout_ms: timeoutMs,
  };
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as AgentInput;
}
