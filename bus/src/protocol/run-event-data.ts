/**
 * What the entries of an agent's journal hold, by type. The agent writes them, the run verbs check submissions against
 * them, the recorder makes rows of them: this file is their contract. Keys are as on the wire; costs are whole
 * nano-dollars, times ISO 8601, durations milliseconds. Null means "not said", 0 means none.
 *
 * Text in them is as the model sees it: what a guardrail masked is a placeholder here.
 */
import { z } from "zod";
import { patternGuardrail } from "./guardrail-patterns.ts";
import { OPEN_STATUSES } from "./run-statuses.ts";

const jsonObject = z.record(z.string(), z.unknown());
const text = z.string();
const count = z.int().nonnegative();
/** Tokens: null when the provider does not say, which is not 0. */
const tokens = count.nullable();

/** Tokens of a model call. `input_tokens` are those that no cache served. */
export const usage = z.looseObject({
  input_tokens: tokens,
  output_tokens: tokens,
  cache_read_input_tokens: tokens,
  cache_creation_input_tokens: tokens,
  /** Part of `output_tokens`. */
  reasoning_tokens: tokens,
});
export type UsageData = z.output<typeof usage>;

const USAGE_KEYS = [
  "input_tokens",
  "output_tokens",
  "cache_read_input_tokens",
  "cache_creation_input_tokens",
  "reasoning_tokens",
] as const;

/** Of no call: nobody said anything. */
export const NO_USAGE: UsageData = {
  input_tokens: null,
  output_tokens: null,
  cache_read_input_tokens: null,
  cache_creation_input_tokens: null,
  reasoning_tokens: null,
};

/** The sum, where null is "nobody said". */
export function addUsage(a: UsageData, b: UsageData): UsageData {
  const sum = { ...NO_USAGE };
  for (const key of USAGE_KEYS) sum[key] = a[key] === null ? b[key] : a[key] + (b[key] ?? 0);
  return sum;
}

/** One turn of the chat a run continues. */
export const chatMessage = z.object({ role: z.enum(["user", "assistant"]), content: z.string().min(1) });
export type ChatMessage = z.output<typeof chatMessage>;

/** Text beside the conversation: a document, a profile. `stable` ones stand before it, so that a prompt cache keeps them. */
export const contextBlock = z.object({
  content: z.string().min(1),
  kind: z.string().min(1).default("context"),
  placement: z.enum(["stable", "dynamic"]).default("dynamic"),
  source: z.string().optional(),
  metadata: jsonObject.optional(),
});
export type ContextBlock = z.input<typeof contextBlock>;

export const toolTarget = z.enum(["server", "client"]);

/** A tool call as the model made it. */
export const toolCallData = z.looseObject({
  /** Ours, `call_…`; unique in the run. */
  call_id: text,
  /** The vendor's. */
  provider_call_id: text.nullable(),
  tool_name: text,
  params: jsonObject,
});
export type ToolCallData = z.output<typeof toolCallData>;

/** A call that waits for somebody. */
export const pendingCall = toolCallData.extend({
  target: toolTarget,
  /** What it waits for: a decision, a result from the client, a person's answer, the end of a run it delegated to. */
  needs: z.enum(["approval", "result", "input", "child"]),
  /** Place of its answer in the conversation. */
  order_index: count,
  /** The run it waits for, and whose it is: set when it needs one. */
  child_run_id: text.optional(),
  child_agent: text.optional(),
});
export type PendingCall = z.output<typeof pendingCall>;

export const budget = z.looseObject({
  max_tokens: z.int().positive().optional(),
  max_cost_nano_usd: z.int().positive().optional(),
  max_ms: z.int().positive().optional(),
  warn_at: z.array(z.number().gt(0).lt(1)).optional(),
  /** Default `stop`. */
  on_exceeded: z.enum(["warn", "pause", "stop"]).optional(),
});
export type BudgetData = z.output<typeof budget>;

/** `data` by entry type. A type that is not here has data of its own writer's making. */
export const RUN_EVENT_DATA = {
  /** The first entry of an agent's run: its configuration, which every later attempt and resume uses. */
  "run.started": z.looseObject({
    agent_name: text,
    agent_version: text.nullable(),
    /** The loop: `react` or `single_call`. */
    strategy: text,
    /** Vendor and model, `anthropic:claude-sonnet-5-5`. */
    model: text,
    params: jsonObject,
    system_prompt: text,
    /** The tools of the run by name, each with a digest of what it takes, so that a changed one is noticed. */
    tools: z.array(
      z.looseObject({
        name: text,
        target: toolTarget,
        digest: text,
        /** Of one that delegates: to whom. */
        agent: text.optional(),
        /** Calls of it in the run at most; left out: no limit. */
        max_calls_per_run: z.int().positive().optional(),
      }),
    ),
    sources: z.array(text),
    /** Names of tools whose calls are refused, and of those that ask first. A later start adds its agent's, and takes none away. */
    deny: z.array(text).optional(),
    require_approval: z.array(text).optional(),
    /** Names of the skills that the model may read. */
    skills: z.array(text).optional(),
    output_schema: jsonObject.nullable(),
    /** What the user said. Order index 0, or behind `seed`. */
    message: text,
    history: z.array(chatMessage),
    context: z.array(contextBlock),
    /** The conversation of the run this one retries, as `messages` rows, up to the message; empty for others. */
    seed: z.array(jsonObject),
    /** Of one that is retried with the message it had: what followed it there. */
    seed_after: z.array(jsonObject).optional(),
    max_iterations: z.int().positive(),
    budget: budget.nullable(),
    /** Those of the agent's that patterns say all of: whoever submits a result masks it by them before it is appended. */
    guardrails: z.array(patternGuardrail).optional(),
    /** The others: code, so that only a worker has them. A later start must. */
    code_guardrails: z.array(patternGuardrail.omit({ patterns: true })).optional(),
    /** How long its approvals and questions are open, and who is asked. Left out: for ever, and nobody in particular. */
    approval_expires_ms: z.number().positive().optional(),
    assignees: z.array(text).optional(),
    delegation_level: count,
    max_delegation_depth: count.nullable(),
    /** How long a task of the run has, for those that wake it. Null: the default of the waker. */
    timeout_ms: z.int().positive().nullable(),
    retry_of: text.nullable(),
  }),
  "llm.completed": z.looseObject({
    /** `llm_…`: also the entry's `correlation_id` and the key of the row. */
    id: text,
    /** Vendor, and the model that answered as the server names it. */
    provider: text,
    model: text,
    /** Place of the answer in the conversation. */
    order_index: count,
    text,
    tool_calls: z.array(toolCallData),
    reasoning: text.nullable(),
    /** What the vendor wants back with the next turn, as it gave it. */
    reasoning_blocks: z.array(z.unknown()),
    finish_reason: text.nullable(),
    usage,
    cost_nano_usd: count.nullable(),
    duration_ms: count,
    /** Messages this call added to the ones before it (`recordPayloads` `delta`), or all of them (`full`). */
    messages: z.array(jsonObject).optional(),
    provider_request: z.unknown().optional(),
    provider_response: z.unknown().optional(),
  }),
  /** A call that gave nothing. It may have cost something all the same. */
  "llm.failed": z.looseObject({
    id: text,
    provider: text,
    model: text,
    error: z.looseObject({ code: text, message: text }),
    usage: usage.nullable(),
    cost_nano_usd: count.nullable(),
    duration_ms: count,
  }),
  /** Acknowledged before the tool runs (J3). `correlation_id` is the call id, as in all entries about a call. */
  "tool.started": toolCallData.extend({ target: toolTarget }),
  /** The answer to a call: of a tool, a client, a person, or of the policy that refused it. Makes one row and one message. */
  "tool.completed": toolCallData.extend({
    target: toolTarget,
    success: z.boolean(),
    /** Any JSON. What the model reads is `toToolText`. */
    result: z.unknown(),
    error: text.nullable(),
    duration_ms: count.nullable(),
    order_index: count,
    /** What the run used up that was delegated to, and those it delegated to: it counts in the budget. */
    usage: usage.optional(),
    cost_nano_usd: count.nullable().optional(),
  }),
  /** The run that a call was delegated to waits for somebody, and so will this one. */
  "child.paused": z.looseObject({ call_id: text, child_run_id: text, child_agent: text }),
  "run.paused": z.looseObject({
    pause_id: text,
    status: z.enum(OPEN_STATUSES).exclude(["running"]),
    /** What a person is asked, in a sentence. */
    question: text,
    pending: z.array(pendingCall),
    /** Answers to choose from, when there are such. */
    options: z.array(text).optional(),
    /** Who should answer. Shown and filtered by; who may is the application's `authorize`. */
    assignees: z.array(text).optional(),
    expires_at: text.nullable(),
    /** Why it asks: `approval`, `client_tool`, `input`, `budget`, `in_doubt` (a tool that may have run), or `child`. */
    reason: text,
  }),
  /** A person's word on one call, written by who submits it, before the tool runs. */
  "approval.decided": z.looseObject({
    call_id: text,
    tool_name: text,
    approved: z.boolean(),
    by: text.nullable(),
    reason: text.nullable(),
  }),
  /** The pause is over: written by who submitted the last missing answer, or found the last child ended. `task` wakes the run. */
  "run.resumed": z.looseObject({
    pause_id: text,
    resumed_from: text,
    by: text.nullable(),
    task: z.looseObject({ id: text, timeout_ms: z.int().positive() }),
  }),
  "run.completed": z.looseObject({
    status: z.enum(["success", "max_iterations"]),
    /** As the model said it: placeholders are kept. */
    answer: text.nullable(),
    /** The answer as the output schema has it; null without one. */
    output: z.unknown(),
  }),
  "run.error": z.looseObject({ code: text, message: text }),
  "run.cancelled": z.looseObject({ reason: text.nullable(), by: text.nullable() }),
  "policy.denied": z.looseObject({ call_id: text, tool_name: text, reason: text }),
  "approval.requested": z.looseObject({ call_id: text, tool_name: text, reason: text }),
  "budget.threshold": z.looseObject({ kind: text, fraction: z.number(), used: z.number(), max: z.number() }),
  "budget.exceeded": z.looseObject({ kind: text, used: z.number(), max: z.number(), action: text }),
  /** `direction` is `incoming` (to the model) or `outgoing`. Findings name kinds and counts, never the text found. */
  "guardrail.detected": z.looseObject({ guardrail: text, direction: text, findings: z.record(text, count) }),
  /** `mapping`: the placeholders that now stand in the text, and for what: the raw values, only here. */
  "guardrail.redacted": z.looseObject({
    direction: text,
    entities: z.array(text),
    mapping: z.record(text, text),
    /** Of a submitted result, or the reason of a refusal, that is in the journal already: how the model sees it. */
    submitted: z.object({ result: z.unknown(), error: text.nullable() }).optional(),
  }),
  "guardrail.blocked": z.looseObject({ guardrail: text, direction: text, findings: z.record(text, count) }),
  "guardrail.unmapped_placeholder": z.looseObject({ placeholders: z.array(text) }),
  "skill.registered": z.looseObject({ skill_name: text, description: text }),
  "skill.denied": z.looseObject({ skill_name: text, reason: text }),
  "skill.invoked": z.looseObject({ skill_name: text }),
  "mcp.connected": z.looseObject({ source_name: text, tool_count: count, tool_names: z.array(text) }),
  "mcp.error": z.looseObject({ source_name: text, error: text }),
  "provider.retry": z.looseObject({
    attempt: count,
    status_code: z.int().nullable(),
    code: text,
    retry_after_ms: count.nullable(),
  }),
} as const;

export type RunEventDataType = keyof typeof RUN_EVENT_DATA;
export type RunEventData<T extends RunEventDataType> = z.output<(typeof RUN_EVENT_DATA)[T]>;

/** An entry's data as its type says; null when it is of another type, or does not fit. */
export function dataOf<T extends RunEventDataType>(
  entry: { readonly event_type: string; readonly data: unknown },
  type: T,
): RunEventData<T> | null {
  if (entry.event_type !== type) return null;
  const parsed = RUN_EVENT_DATA[type].safeParse(entry.data);
  return parsed.success ? (parsed.data as RunEventData<T>) : null;
}

/** What the model reads as the answer to a call. The same wherever a conversation is shown. */
export function toToolText({
  success,
  result,
  error,
}: Pick<RunEventData<"tool.completed">, "success" | "result" | "error">): string {
  if (!success && (result === null || result === undefined))
    return JSON.stringify({ error: error ?? "the tool failed" });
  return typeof result === "string" ? result : JSON.stringify(result ?? null);
}
