/** defineAgent: a model, a prompt and tools as a neuron definition, to spread into `new Axon({ ...agent, concurrency })`. */
import { agentInput, agentOutput, type AgentCard } from "@myelin/bus/run-events";
import { cardBlocks } from "../guardrails/guardrail-set.ts";
import { runAgent } from "../run/loop.ts";
import type { ObjectSchema } from "../tool.ts";
import type { Agent, AgentOptions } from "./agent-options.ts";
import { checkDefinition } from "./check-definition.ts";
import { resolveAgent, type ResolvedAgent } from "./resolve-agent.ts";

/** Define an agent. Nothing is connected by it. Throws `AgentDefinitionError` with the value and the rule. */
export function defineAgent<O extends ObjectSchema = ObjectSchema>(options: AgentOptions<O>): Agent {
  checkDefinition(options);
  const agent = resolveAgent(options);
  let closed: Promise<void> | undefined;
  return Object.freeze({
    neuronId: agent.name,
    neuron: (input, ctx) => runAgent(agent, input, ctx),
    capabilities: Object.freeze([...new Set(options.capabilities)]),
    ...(options.version !== undefined && { version: options.version }),
    ...(options.description !== undefined && { description: options.description }),
    input: agentInput,
    output: agentOutput,
    recordDeltas: "none",
    card: toCard(agent),
    close: () => (closed ??= close(agent)),
  } satisfies Agent);
}

const toCard = ({ model, models, tools, sources, guardrails }: ResolvedAgent): AgentCard => ({
  kind: "agent",
  model: `${model.vendor}:${model.model}`,
  vendors: [...models.keys()],
  tools: [...tools.keys()],
  sources: sources.map(({ name }) => name),
  blocks: cardBlocks(guardrails),
});

/** All of them, also when one fails. */
async function close({ models, sources }: ResolvedAgent): Promise<void> {
  const closed = await Promise.allSettled([...models.values(), ...sources].map((one) => one.close()));
  for (const one of closed) if (one.status === "rejected") throw one.reason as Error;
}
