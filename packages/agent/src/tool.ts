/** tool: makes a Tool of a zod schema and a function. */
import type { JsonObject, ObjectInput, Tool, ToolContext } from "@myelin/neuron";
import { z } from "zod";
import { checkNames, checkWord, type NamesOf } from "./definition/check-options.ts";
import { AgentDefinitionError } from "./errors.ts";

/** A schema of objects. */
export type ObjectSchema = z.ZodType<unknown, ObjectInput>;

interface CommonToolOptions<I extends ObjectSchema> {
  /** 1 to 64 of `A-Z a-z 0-9 _ -`. */
  readonly name: string;
  /** For the model: what it does, and when to use it. */
  readonly description: string;
  /** What it takes: an object schema that JSON Schema can say. Parameters that do not fit are answered with what is wrong. */
  readonly input: I;
  /** Whether neighbours in one answer of the model that also may run at the same time. Default true. */
  readonly parallel?: boolean | undefined;
  /** Calls in a run at most, over all its pauses and starts; further ones are answered with an error. Default: no limit. */
  readonly maxCallsPerRun?: number | undefined;
}

export interface ServerToolOptions<I extends ObjectSchema> extends CommonToolOptions<I> {
  readonly target?: "server" | undefined;
  /** How long a call may take, in milliseconds; then `ctx.signal` aborts, and the model is told. Default 120_000. */
  readonly timeoutMs?: number | undefined;
  /**
   * Whether running a call twice is as good as once. Then it is just run again when a worker dies in it; else a person is
   * asked first. Default false. `ctx.key` is the same both times.
   */
  readonly idempotent?: boolean | undefined;
  /** What it throws is fed back to the model as the call's error. Its result must be JSON, at most 1 MiB. */
  readonly run: (input: z.output<I>, ctx: ToolContext) => unknown;
}

/** A tool that somebody outside runs (a browser, an app) and submits the result of: the run waits for it. */
export interface ClientToolOptions<I extends ObjectSchema> extends CommonToolOptions<I> {
  readonly target: "client";
  readonly run?: undefined;
}

export type ToolOptions<I extends ObjectSchema> = ServerToolOptions<I> | ClientToolOptions<I>;

const DEFAULT_TIMEOUT_MS = 120_000;
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;
const OPTIONS: NamesOf<ServerToolOptions<ObjectSchema>> = {
  ...{ name: true, description: true, input: true, target: true, run: true },
  ...{ parallel: true, maxCallsPerRun: true, timeoutMs: true, idempotent: true },
};
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** Make a tool. Throws `AgentDefinitionError` with the value and the rule. */
export function tool<I extends ObjectSchema>(options: ToolOptions<I>): Tool {
  const { name, description, input, target = "server", parallel = true, maxCallsPerRun = null, run } = options ?? {};
  if (typeof name !== "string" || !NAME.test(name)) {
    throw new AgentDefinitionError(`a tool's name must be 1 to 64 of A-Z a-z 0-9 _ -, got ${JSON.stringify(name)}`);
  }
  const refuse = (problem: string): never => {
    throw new AgentDefinitionError(`tool "${name}": ${problem}`);
  };
  checkNames(`tool "${name}"`, options, OPTIONS);
  checkWord(`target of tool "${name}"`, target, ["server", "client"]);
  if (typeof description !== "string" || description.trim() === "") refuse("a description is what the model goes by");
  if (maxCallsPerRun !== null && !(Number.isInteger(maxCallsPerRun) && maxCallsPerRun > 0)) {
    refuse(`maxCallsPerRun must be a whole number > 0, got ${maxCallsPerRun}`);
  }
  if (target === "server" && typeof run !== "function") refuse("a server tool needs run(input, ctx)");
  if (target === "client" && run !== undefined) refuse("a client tool is run outside: it takes no run");
  const { timeoutMs = DEFAULT_TIMEOUT_MS, idempotent = false } = options as Partial<ServerToolOptions<I>>;
  if (!(timeoutMs > 0 && timeoutMs <= LONGEST_TIMEOUT_MS)) {
    refuse(`timeoutMs must be > 0 and at most ${LONGEST_TIMEOUT_MS}, got ${timeoutMs}`);
  }
  return Object.freeze({
    name,
    description,
    parameters: toParameters(input, refuse),
    target,
    parallel,
    maxCallsPerRun,
    timeoutMs,
    idempotent,
    problemWith: (params: JsonObject) => problemWith(input, params),
    run: async (params: JsonObject, ctx: ToolContext) => run?.(await input.parseAsync(params), ctx),
  });
}

function toParameters(input: z.ZodType, refuse: (problem: string) => never): JsonObject {
  let schema: JsonObject;
  try {
    const { $schema: _, ...rest } = z.toJSONSchema(input, { io: "input" });
    schema = rest;
  } catch (cause) {
    return refuse(`its input cannot be said as JSON Schema: ${(cause as Error).message}`);
  }
  return schema["type"] === "object" ? schema : refuse("its input must be an object schema");
}

/** A schema with an async check says what is wrong when it runs. */
function problemWith(input: z.ZodType, params: JsonObject): string | null {
  try {
    const parsed = input.safeParse(params);
    return parsed.success ? null : describe(parsed.error);
  } catch {
    return null;
  }
}

const describe = ({ issues }: z.ZodError): string =>
  issues
    .map(({ path, message }) => (path.length > 0 ? `${path.map(String).join(".")}: ${message}` : message))
    .join("; ");
