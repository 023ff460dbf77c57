/** Bodies: what the writing run routes take, in snake_case, and the requests of the run verbs that they stand for. */
import { isTraceId } from "@myelin/bus";
import type { Approval, CancelRun, HumanInput, RetryRequest, RunRequest, ToolResults } from "@myelin/dendrite";
import { z } from "zod";

/** Unknown keys are refused with what there is: a misspelt `timeout` would otherwise be ignored in silence. */
function body<S extends z.core.$ZodShape>(shape: S) {
  return z.strictObject(shape, {
    error: ({ code }) =>
      code === "unrecognized_keys" ? `unknown key; known are ${Object.keys(shape).join(", ")}` : undefined,
  });
}

const text = z.string().min(1).max(1_000_000);
const name = z.string().min(1).max(1_000);
const object = z.record(z.string(), z.unknown());
const timeoutMs = z
  .int()
  .min(1)
  .max(604_800_000)
  .describe("How long a task of the run may take, in milliseconds. Default 3600000 (1 h)");
const by = name.describe("Who submits it, for the record; where authorize says who the caller is, that is who");

const overrides = {
  model: name.optional().describe("`vendor:model`, or a vendor for its default model"),
  params: object.optional().describe("Settings for the model"),
  prompt: text.optional().describe("The system prompt"),
  tools: z.array(name).optional().describe("Which of the agent's tools this run may use"),
  sources: z.array(name).optional().describe("Which of the agent's tool sources this run may use"),
  max_iterations: z.int().min(1).max(200).optional(),
  max_delegation_depth: z.int().min(0).optional(),
  budget: body({
    max_tokens: z.int().min(1).optional(),
    max_cost_usd: z.number().positive().optional(),
    max_ms: z.int().min(1).optional(),
    warn_at: z.array(z.number().gt(0).lt(1)).optional(),
    on_exceeded: z.enum(["warn", "pause", "stop"]).optional(),
  })
    .optional()
    .describe("Only tightens the agent's own"),
  metadata: object.optional().describe("Goes on the run, where GET /runs filters by it"),
  priority: z.enum(["high", "normal", "low"]).optional(),
  timeout_ms: timeoutMs.optional(),
};

const startRun = body({
  agent: z
    .string()
    .regex(/^(?!dnd_|run_|_)[A-Za-z0-9_-]{1,64}$/, "must be an agent's name")
    .describe("Who is asked: the agent's name"),
  text: text.describe("What the user says"),
  history: z
    .array(body({ role: z.enum(["user", "assistant"]), content: text }))
    .optional()
    .describe("The conversation so far: starts with the user, takes turns, ends with the assistant"),
  context: z
    .array(
      body({
        content: text,
        kind: name.optional(),
        placement: z.enum(["stable", "dynamic"]).optional(),
        source: name.optional(),
        metadata: object.optional(),
      }),
    )
    .optional()
    .describe("Text beside the conversation"),
  ...overrides,
  trace_id: z
    .string()
    .refine(isTraceId, "must be trc_ and at most 60 of A-Z a-z 0-9 _ -")
    .optional()
    .describe("The trace to join. Default a new one"),
});

const retryRun = body({ text: text.optional(), ...overrides });

const approval = body({
  approved: z.boolean().optional().describe("The word on every call that waits for one and is not in `calls`"),
  reason: text.optional().describe("Why; a model reads it when it was refused"),
  calls: z
    .record(z.string(), body({ approved: z.boolean(), reason: text.optional() }))
    .optional()
    .describe("A word on single calls, by call id"),
  by: by.optional(),
  timeout_ms: timeoutMs.optional(),
}).refine(({ approved, calls }) => approved !== undefined || Object.keys(calls ?? {}).length > 0, {
  error: "must have approved (true or false), or calls with a word on each",
});

const humanInput = body({
  text: text.describe("The answer"),
  call_id: name.optional().describe("Which question it answers, when several are open"),
  by: by.optional(),
  timeout_ms: timeoutMs.optional(),
});

const toolResults = body({
  results: z
    .array(
      body({ call_id: name, result: z.unknown().optional(), error: text.optional() }).refine(
        (one) => "result" in one !== ("error" in one && one.error !== undefined),
        { error: "must have either result (any JSON) or error (text)" },
      ),
    )
    .min(1)
    .describe("Of some or all calls that wait; the run goes on with the last one"),
  by: by.optional(),
  timeout_ms: timeoutMs.optional(),
});

const cancelRun = body({ reason: z.string().min(1).max(1_000).optional(), by: by.optional() });

/** By the name they have in the document. */
export const BODIES = {
  StartRun: startRun,
  RetryRun: retryRun,
  Approval: approval,
  HumanInput: humanInput,
  ToolResults: toolResults,
  CancelRun: cancelRun,
} as const satisfies { readonly [name: string]: z.ZodType };
export type BodyName = keyof typeof BODIES;
export type Body<N extends BodyName> = z.output<(typeof BODIES)[N]>;

function toOverrides(sent: Body<"RetryRun">) {
  const { model, params, prompt, tools, sources, metadata, priority, budget } = sent;
  return {
    model,
    params,
    prompt,
    tools,
    sources,
    metadata,
    priority,
    maxIterations: sent.max_iterations,
    maxDelegationDepth: sent.max_delegation_depth,
    budget: budget && {
      maxTokens: budget.max_tokens,
      maxCostUsd: budget.max_cost_usd,
      maxMs: budget.max_ms,
      warnAt: budget.warn_at,
      onExceeded: budget.on_exceeded,
    },
    timeoutMs: sent.timeout_ms,
  } satisfies Partial<RunRequest>;
}

export const toRunRequest = ({ text, history, context, trace_id, ...sent }: Body<"StartRun">): RunRequest => ({
  ...toOverrides(sent),
  text,
  history,
  context,
  traceId: trace_id,
});

export const toRetryRequest = ({ text, ...sent }: Body<"RetryRun">): RetryRequest => ({
  ...toOverrides(sent),
  ...(text !== undefined && { text }),
});

export const toApproval = ({ approved, reason, calls, timeout_ms }: Body<"Approval">): Approval => ({
  approved,
  reason,
  timeoutMs: timeout_ms,
  ...(calls && { calls }),
});

export const toHumanInput = ({ text, call_id, timeout_ms }: Body<"HumanInput">): HumanInput => ({
  text,
  callId: call_id,
  timeoutMs: timeout_ms,
});

export const toToolResults = ({ results, timeout_ms }: Body<"ToolResults">): ToolResults => ({
  results: results.map(({ call_id: callId, result, error }) =>
    error === undefined ? { callId, result } : { callId, error },
  ),
  timeoutMs: timeout_ms,
});

export const toCancelRun = ({ reason }: Body<"CancelRun">): CancelRun => ({ reason });
