/** ResolvedAgent: a definition with everything looked up, checked and set, as its runs use it. */
import { toBudgetData, type BudgetData } from "@myelin/bus/run-events";
import type { JsonObject, Model, ModelParams, Tool, ToolSource } from "@myelin/neuron";
import { z } from "zod";
import { AgentDefinitionError } from "../errors.ts";
import type { Guardrail } from "../guardrail.ts";
import { loadSkills, type Skill } from "../skills/skill.ts";
import type { AgentOptions } from "./agent-options.ts";

export interface ResolvedAgent {
  readonly name: string;
  readonly version: string | null;
  readonly model: Model;
  /** By vendor. */
  readonly models: ReadonlyMap<string, Model>;
  readonly prompt: string;
  /** By name, sorted. */
  readonly tools: ReadonlyMap<string, Tool>;
  readonly sources: readonly ToolSource[];
  readonly gated: ReadonlySet<string>;
  readonly denied: ReadonlySet<string>;
  readonly budget: BudgetData | null;
  readonly guardrails: readonly Guardrail[];
  readonly maxIterations: number;
  readonly output: z.ZodType | null;
  readonly outputSchema: JsonObject | null;
  readonly strategy: "react" | "single_call";
  readonly params: ModelParams;
  /** Sorted by name. */
  readonly skills: readonly Skill[];
  readonly deniedSkills: readonly Skill[];
  readonly maxDelegationDepth: number | null;
  readonly approvalExpiresMs: number | null;
  readonly assignees: readonly string[];
  readonly recordPayloads: "full" | "delta" | "masked";
  readonly stream: boolean;
}

const DEFAULT_ITERATIONS = 10;
const DEFAULT_DEPTH = 10;

/** Of options that `checkDefinition` has passed. Throws `AgentDefinitionError` for skills and output schemas that cannot be. */
export function resolveAgent(options: AgentOptions): ResolvedAgent {
  const all = byName([
    ...(options.skillsDir === undefined ? [] : loadSkills(options.skillsDir)),
    ...(options.skills ?? []),
  ]);
  const isDenied = ({ name }: Skill) => options.denySkills?.includes(name) ?? false;
  return {
    name: options.name,
    version: options.version ?? null,
    model: options.model,
    models: new Map([options.model, ...(options.models ?? [])].map((model) => [model.vendor, model])),
    prompt: options.prompt,
    tools: new Map(byName(options.tools ?? []).map((tool) => [tool.name, tool])),
    sources: byName(options.toolSources ?? []),
    gated: new Set(options.requireApproval),
    denied: new Set(options.deny),
    budget: options.budget === undefined ? null : toBudgetData(options.budget),
    guardrails: [...(options.guardrails ?? [])],
    maxIterations: options.maxIterations ?? DEFAULT_ITERATIONS,
    output: options.output ?? null,
    outputSchema: options.output === undefined ? null : toOutputSchema(options.name, options.output),
    strategy: options.strategy ?? "react",
    params: options.params ?? {},
    skills: all.filter((skill) => !isDenied(skill)),
    deniedSkills: all.filter(isDenied),
    maxDelegationDepth: options.maxDelegationDepth === undefined ? DEFAULT_DEPTH : options.maxDelegationDepth,
    approvalExpiresMs: options.approvalExpiresMs ?? null,
    assignees: [...(options.assignees ?? [])],
    recordPayloads: options.recordPayloads ?? "delta",
    stream: options.stream ?? true,
  };
}

function toOutputSchema(agent: string, output: z.ZodType): JsonObject {
  let schema: JsonObject;
  try {
    const { $schema: _, ...rest } = z.toJSONSchema(output, { io: "input" });
    schema = rest;
  } catch (cause) {
    const message = `agent "${agent}": its output cannot be said as JSON Schema: ${(cause as Error).message}`;
    throw new AgentDefinitionError(message, { cause });
  }
  if (schema["type"] === "object") return schema;
  throw new AgentDefinitionError(
    `agent "${agent}": its output must be an object schema; wrap it, as in z.object({ value: … })`,
  );
}

const byName = <T extends { readonly name: string }>(all: readonly T[]): T[] =>
  [...all].sort((a, b) => (a.name < b.name ? -1 : 1));
