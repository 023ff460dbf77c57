/**
 * Configure: what a run is done with. The first start decides it, from the agent and the request, and pins it in
 * `run.started`; every later one takes it from there, and refuses to go on where the agent has become another.
 */
import { createHash } from "node:crypto";
import { BLOCKED_TEXT, type agentInput, type RunEventData } from "@myelin/bus/run-events";
import type { JsonObject, Model, Tool } from "@myelin/neuron";
import type { z } from "zod";
import { isAgentTool } from "../agent-tool.ts";
import type { ResolvedAgent } from "../definition/resolve-agent.ts";
import { agentFailure } from "../errors.ts";
import { blockedFailure } from "../guardrails/guardrail-set.ts";
import { lostGuardrail, pinGuardrails } from "../guardrails/pinned-guardrails.ts";
import type { Skill } from "../skills/skill.ts";
import { promptWithSkills } from "../skills/skills-prompt.ts";
import { useSkill } from "../skills/use-skill.ts";
import type { ActiveRun, RunTools } from "./active-run.ts";
import { tighter } from "./budget.ts";
import { eventOf, fromNew, type AgentEvent } from "./event.ts";
import { openSources } from "./open-sources.ts";
import { pinRules, rulesOf, skillsOf } from "./rules.ts";
import { readable, withReasoning } from "./seed.ts";
import type { Plan } from "./step.ts";

type Started = RunEventData<"run.started">;
type Input = z.output<typeof agentInput>;

/** Begin a run: pins its configuration, and looks through what came with the request. */
export async function begin(run: ActiveRun, input: Input): Promise<RunTools> {
  const { agent } = run;
  const { model, name } = modelOf(agent, input.model);
  const local = chosen("tool", [...agent.tools.values()], input.tools);
  const sources = chosen("tool source", agent.sources, input.sources);
  const { tools, events } = await openSources(
    run,
    sources,
    local,
    agent.skills.length > 0 ? skillTool(agent.strategy, agent.skills) : null,
  );
  const said = await lookThrough(run, input);

  const started: Started = {
    agent_name: agent.name,
    agent_version: agent.version,
    strategy: agent.strategy,
    model: `${model.vendor}:${name}`,
    params: { ...(agent.params as JsonObject), ...input.params },
    system_prompt: promptWithSkills(said.prompt ?? agent.prompt, agent.skills, agent.strategy),
    tools: [...tools.values()].map(pinTool),
    sources: sources.map(({ name }) => name),
    ...pinRules(agent),
    output_schema: agent.outputSchema,
    message: said.message,
    history: said.history,
    context: said.context,
    seed: said.seed,
    ...(said.seed_after.length > 0 && { seed_after: said.seed_after }),
    max_iterations: agent.strategy === "single_call" ? 1 : (input.max_iterations ?? agent.maxIterations),
    budget: tighter(agent.budget, input.budget ?? null),
    delegation_level: input.delegation_level ?? 0,
    max_delegation_depth: shallower(agent.maxDelegationDepth, input.max_delegation_depth),
    timeout_ms: input.timeout_ms ?? null,
    retry_of: input.retry_of ?? null,
    ...pinGuardrails(agent.guardrails),
    ...(agent.approvalExpiresMs !== null && { approval_expires_ms: agent.approvalExpiresMs }),
    ...(agent.assignees.length > 0 && { assignees: [...agent.assignees] }),
  };
  run.record([eventOf("run.started", 0, started), ...skillEvents(agent), ...events, ...said.events]);
  if (said.blocked) throw said.blocked;
  return toRunTools(run, started, model, name, tools);
}

/** Go on with a run: as it was begun, or AGENT_CHANGED. */
export async function goOn(run: ActiveRun, started: Started): Promise<RunTools> {
  const { agent } = run;
  const changed = (what: string): never => {
    throw agentFailure("AGENT_CHANGED", `the run was begun by another state of the agent "${agent.name}": ${what}`);
  };
  const { vendor, name } = splitModel(started.model);
  const model = agent.models.get(vendor) ?? changed(`it has no model of "${vendor}" any more`);
  if (digestOf(started.output_schema) !== digestOf(agent.outputSchema)) changed("its output schema is another");
  const lost = lostGuardrail(agent.guardrails, started);
  if (lost !== null) changed(`it has no guardrail "${lost}" any more, or one that does less`);
  const sources = started.sources.map(
    (source) =>
      agent.sources.find((one) => one.name === source) ?? changed(`it has no tool source "${source}" any more`),
  );
  const reader = started.skills === undefined ? null : skillTool(started.strategy, skillsOf(agent, started));
  const opened = await openSources(run, sources, [...agent.tools.values()], reader);
  const tools = new Map<string, Tool>();
  for (const { name: toolName, digest, target, agent: child } of started.tools) {
    const tool = opened.tools.get(toolName) ?? changed(`it has no tool "${toolName}" any more`);
    const today = pinTool(tool);
    if (today.digest !== digest || today.target !== target) changed(`its tool "${toolName}" takes something else`);
    // A child that was begun would not be found again.
    if (today.agent !== child) changed(`its tool "${toolName}" delegates to somebody else`);
    tools.set(toolName, tool);
  }
  return toRunTools(run, started, model, name, tools);
}

/** As `run.started` has it. */
const pinTool = (tool: Tool): Started["tools"][number] => ({
  ...{ name: tool.name, target: tool.target, digest: digestOf(tool.parameters) },
  ...(tool.maxCallsPerRun !== null && { max_calls_per_run: tool.maxCallsPerRun }),
  ...(isAgentTool(tool) && { agent: tool.agent }),
});

function toRunTools(run: ActiveRun, started: Started, model: Model, modelName: string, tools: Plan["tools"]): RunTools {
  const { agent, guard } = run;
  const plan: Plan = {
    tools,
    ...rulesOf(agent, started, tools),
    problemWith: ({ data }) => {
      const problem = tools.get(data.tool_name)?.problemWith?.(guard.unmask(data.params)) ?? null;
      return problem && guard.hide(problem);
    },
  };
  const specs = started.tools.map(({ name }) => {
    const { description, parameters } = tools.get(name)!;
    return { name, description, parameters };
  });
  return { model, modelName, plan, specs };
}

interface Said extends Pick<Started, "message" | "history" | "context" | "seed"> {
  readonly seed_after: JsonObject[];
  readonly prompt?: string | undefined;
  readonly events: readonly AgentEvent[];
  readonly blocked: Error | null;
}

/** What the request brings, as the journal may hold it. The agent's own prompt is the operator's word, and not looked at. */
async function lookThrough({ agent, guard, ctx }: ActiveRun, input: Input): Promise<Said> {
  const { text: message, history = [], context = [], seed = [], seed_after = [], prompt } = input;
  const given = { message, history, context, seed, seed_after, prompt };
  if (agent.guardrails.length === 0) return { ...given, events: [], blocked: null };
  const where = { direction: "incoming", iterationIndex: 0 } as const;
  // Beside texts these have words of ours, which are kept as they are.
  const texts = {
    message,
    seed: readable(seed),
    seed_after: readable(seed_after),
    prompt,
    history: history.map(({ content }) => content),
    context: context.map(({ kind: _, placement: __, ...said }) => said),
  };
  const { value, entries, blocked } = await guard.redactJson(texts, where, ctx.signal);
  const events = entries.map(fromNew);
  if (blocked) {
    const nothing = { message: BLOCKED_TEXT, history: [], context: [], seed: [], seed_after: [] };
    return { ...nothing, events, blocked: blockedFailure(blocked, where) };
  }
  return {
    message: value.message,
    seed: withReasoning(value.seed, seed),
    seed_after: withReasoning(value.seed_after, seed_after),
    prompt: value.prompt,
    history: history.map((turn, at) => ({ ...turn, content: value.history[at]! })),
    context: context.map((block, at) => ({ ...block, ...value.context[at]! })),
    events,
    blocked: null,
  };
}

function modelOf(agent: ResolvedAgent, asked: string | undefined): { readonly model: Model; readonly name: string } {
  if (asked === undefined) return { model: agent.model, name: agent.model.model };
  const { vendor, name } = splitModel(asked);
  const model = agent.models.get(vendor);
  if (!model) {
    const known = [...agent.models.keys()].join(", ");
    throw agentFailure("UNKNOWN_NAME", `the agent "${agent.name}" has no model of "${vendor}"; it has ${known}`);
  }
  return { model, name: name === "" ? model.model : name };
}

/** `ollama:llama3:8b` is the vendor `ollama` and its model `llama3:8b`. */
function splitModel(text: string): { readonly vendor: string; readonly name: string } {
  const at = text.indexOf(":");
  return at < 0 ? { vendor: text, name: "" } : { vendor: text.slice(0, at), name: text.slice(at + 1) };
}

/** Those of the names, or all. */
function chosen<T extends { readonly name: string }>(
  what: string,
  all: readonly T[],
  names: readonly string[] | undefined,
): readonly T[] {
  if (names === undefined) return all;
  const unknown = names.find((name) => !all.some((one) => one.name === name));
  if (unknown === undefined) return all.filter(({ name }) => names.includes(name));
  const known = all.map(({ name }) => name).join(", ") || "none";
  throw agentFailure("UNKNOWN_NAME", `the agent has no ${what} "${unknown}"; it has ${known}`);
}

/** A child goes no deeper than its parent may. */
const shallower = (own: number | null, asked: number | undefined): number | null =>
  asked === undefined ? own : Math.min(own ?? Infinity, asked);

/** What the model reads skills with, where it takes turns with tools. */
const skillTool = (strategy: string, skills: readonly Skill[]): Tool | null =>
  strategy === "react" ? useSkill(skills) : null;

const skillEvents = ({ skills, deniedSkills }: ResolvedAgent): AgentEvent[] => [
  ...skills.map(({ name, description }) => eventOf("skill.registered", 0, { skill_name: name, description })),
  ...deniedSkills.map(({ name }) => eventOf("skill.denied", 0, { skill_name: name, reason: "denied_by_policy" })),
];

const digests = new WeakMap<object, string>();

/** Of what a tool takes, or an answer must be. A definition's are worked out once. */
function digestOf(schema: JsonObject | null): string {
  if (schema === null) return "";
  const known = digests.get(schema) ?? digest(schema);
  digests.set(schema, known);
  return known;
}

/** The same for equal values, in whatever order their keys come. */
function digest(value: unknown): string {
  const text = JSON.stringify(value, (_key, one: unknown) =>
    typeof one === "object" && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}
