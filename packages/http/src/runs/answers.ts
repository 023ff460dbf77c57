/** Answers: what the bodies of the run routes hold. The OpenAPI document is made of these, and the tests hold every answer against them. */
import { OPEN_STATUSES, RUN_STATUSES } from "@myelin/bus/run-events";
import type {
  CostLine,
  DelegationInfo,
  LlmCall,
  PausePair,
  RunDetail,
  RunSummary,
  StoredEvent,
  ToolInvocation,
  TraceEntry,
} from "@myelin/runs";
import type { CancelledRun, RunResult, Submitted } from "@myelin/dendrite";
import { z } from "zod";
import type { Wire } from "./wire.ts";

const text = z.string();
const moment = z.iso.datetime();
const count = z.int().nonnegative();
const tokens = count.nullable();
const costUsd = z.number().nonnegative().nullable();
const object = z.record(z.string(), z.unknown());
const findings = z.record(z.string(), count).describe("How often each kind was found, by its name");
const status = z.enum(RUN_STATUSES);
const waitingStatus = z.enum(OPEN_STATUSES).exclude(["running"]);
const target = z.enum(["server", "client"]);
const iteration = count.describe("Which model call of the run, from 1; 0 before the first");

const needs = z
  .enum(["approval", "result", "input", "child"])
  .describe("Which of /approval, /tool-results and /input answers it; child: the end of child_run_id");
const child = {
  child_run_id: text.nullable().describe("The run it was delegated to, which waits for somebody itself"),
  child_agent: text.nullable(),
};
const toolCall = { call_id: text, provider_call_id: text.nullable(), tool_name: text, params: object };
const pendingCall = z.strictObject({
  ...toolCall,
  target,
  needs,
  ...child,
});

const openPause = {
  pause_id: text,
  status: waitingStatus,
  reason: text.describe("approval, client_tool, input, budget, in_doubt or child"),
  question: text,
  pending: z.array(pendingCall),
  options: z.array(text),
  assignees: z.array(text),
  expires_at: moment.nullable(),
};

const summary = {
  run_id: text,
  tenant_id: text.nullable(),
  trace_id: text,
  parent_run_id: text.nullable(),
  retry_of_run_id: text.nullable(),
  neuron_id: text.nullable(),
  agent_name: text.nullable(),
  model: text.nullable(),
  delegation_level: count,
  status,
  pause: z.strictObject(openPause).nullable(),
  metadata: object,
  error: z.strictObject({ code: text, message: text, recoverable: z.boolean() }).nullable(),
  attempts: count,
  iteration_count: count,
  llm_call_count: count,
  tool_call_count: count,
  total_input_tokens: tokens,
  total_output_tokens: tokens,
  total_cache_read_tokens: tokens,
  total_cache_creation_tokens: tokens,
  total_reasoning_tokens: tokens,
  total_cost_usd: costUsd,
  unknown_cost_count: count,
  created_at: moment,
  updated_at: moment,
  ended_at: moment.nullable(),
  last_progress_at: moment.nullable(),
};

const runSummary = z.strictObject(summary) satisfies z.ZodType<Wire<RunSummary>>;
const runDetail = z.strictObject({
  ...summary,
  namespace: text,
  input: z.unknown(),
  output: z.unknown(),
  answer: text.nullable(),
  strategy: text.nullable(),
  agent_version: text.nullable(),
  max_iterations: count.nullable(),
  max_delegation_depth: count.nullable(),
  idempotency_key: text.nullable(),
  priority: z.enum(["high", "normal", "low"]),
  deadline: moment.nullable(),
  first_seq: count,
  last_seq: count,
  late_terminals: count,
}) satisfies z.ZodType<Wire<RunDetail>>;

const storedEvent = z.strictObject({
  sequence_index: count,
  iteration_index: count,
  event_type: text,
  correlation_id: text.nullable(),
  data: object,
  created_at: moment,
}) satisfies z.ZodType<Wire<StoredEvent>>;

const llmCall = z.strictObject({
  id: text,
  sequence_index: count,
  iteration,
  provider: text,
  model: text,
  success: z.boolean(),
  error: z.strictObject({ code: text, message: text }).nullable(),
  input_tokens: tokens,
  output_tokens: tokens,
  total_tokens: tokens,
  cache_read_input_tokens: tokens,
  cache_creation_input_tokens: tokens,
  reasoning_tokens: tokens,
  cost_usd: costUsd,
  duration_ms: count,
  finish_reason: text.nullable(),
  text: text.nullable(),
  tool_calls: z.array(z.strictObject(toolCall)),
  reasoning: text.nullable(),
  messages: z.array(object).nullable(),
  provider_request: z.unknown(),
  provider_response: z.unknown(),
  guardrail_findings: z.strictObject({ incoming: findings, outgoing: findings }).nullable(),
  created_at: moment,
}) satisfies z.ZodType<Wire<LlmCall>>;

const toolInvocation = z.strictObject({
  sequence_index: count,
  iteration,
  order_index: count,
  tool_call_id: text,
  provider_tool_call_id: text.nullable(),
  tool_name: text,
  target,
  params: object,
  result: z.unknown(),
  success: z.boolean(),
  error: text.nullable(),
  duration_ms: count.nullable(),
  created_at: moment,
}) satisfies z.ZodType<Wire<ToolInvocation>>;

const traceEntry = z.strictObject({
  order_index: count,
  role: z.enum(["user", "assistant", "tool"]),
  content: text,
  iteration,
  tool_calls: z.array(z.strictObject(toolCall)),
  tool_call_id: text.nullable(),
  tool_name: text.nullable(),
  is_error: z.boolean(),
  is_seed: z.boolean(),
  created_at: moment,
}) satisfies z.ZodType<Wire<TraceEntry>>;

const pausePair = z.strictObject({
  ...openPause,
  pause_sequence_index: count,
  pause_at: moment,
  resume_sequence_index: count.nullable(),
  resume_at: moment.nullable(),
  resumed_by: text.nullable(),
  is_open: z.boolean(),
  missing: z.array(pendingCall),
  decisions: z.array(
    z.strictObject({
      call_id: text,
      tool_name: text,
      approved: z.boolean(),
      by: text.nullable(),
      reason: text.nullable(),
      decided_at: moment,
    }),
  ),
  submitted_results: z.array(z.strictObject({ call_id: text, tool_name: text, success: z.boolean() })),
  user_input: text.nullable(),
}) satisfies z.ZodType<Wire<PausePair>>;

const brief = {
  run_id: text,
  agent_name: text.nullable(),
  neuron_id: text.nullable(),
  status,
  delegation_level: count,
};
const runBrief = z.strictObject(brief);
const delegation = z.strictObject({
  parent: z
    .union([
      z.strictObject({ ...brief, is_known: z.literal(true) }),
      z.strictObject({ run_id: text, is_known: z.literal(false) }),
    ])
    .nullable(),
  children: z.array(runBrief),
  ancestry: z.array(runBrief),
  is_ancestry_complete: z.boolean(),
  subtree: z.strictObject({
    direct_child_count: count,
    descendant_count: count,
    max_depth: count,
    input_tokens: tokens,
    output_tokens: tokens,
    cost_usd: costUsd,
    unknown_cost_count: count,
    status_counts: z.partialRecord(status, count),
  }),
}) satisfies z.ZodType<Wire<DelegationInfo>>;

const costLine = z.strictObject({
  key: text.nullable(),
  run_count: count,
  llm_call_count: count,
  input_tokens: tokens,
  output_tokens: tokens,
  cache_read_input_tokens: tokens,
  cache_creation_input_tokens: tokens,
  reasoning_tokens: tokens,
  cost_usd: costUsd,
  unknown_cost_count: count,
}) satisfies z.ZodType<Wire<CostLine>>;

const page = { limit: count, offset: count };
const waitingCall = z.strictObject({
  call_id: text,
  tool_name: text,
  params: object,
  target,
  needs,
  ...child,
});

const runResult = z.strictObject({
  run_id: text,
  trace_id: text,
  status: z.enum(["success", "max_iterations", ...waitingStatus.options]),
  answer: text.nullable(),
  output: z.unknown(),
  model: text.nullable(),
  iteration_count: count,
  usage: z.strictObject({
    input_tokens: tokens,
    output_tokens: tokens,
    cache_read_input_tokens: tokens,
    cache_creation_input_tokens: tokens,
    reasoning_tokens: tokens,
  }),
  cost_usd: costUsd,
  pause: z
    .strictObject({
      pause_id: text.nullable(),
      status: waitingStatus,
      question: text,
      reason: text.nullable(),
      pending: z.array(waitingCall),
      options: z.array(text),
      assignees: z.array(text),
      expires_at: moment.nullable(),
    })
    .nullable(),
}) satisfies z.ZodType<Wire<Pick<RunResult, keyof RunResult>>>;

const started = z.strictObject({ run_id: text, trace_id: text });
const submitted = z.strictObject({
  run_id: text,
  trace_id: text,
  is_resumed: z.boolean().describe("Whether the run goes on; false: it still waits for `pending`"),
  pending: z.array(waitingCall),
}) satisfies z.ZodType<Wire<Omit<Submitted, "result">>>;
const cancelled = z.strictObject({
  run_id: text,
  trace_id: text,
  status: status.describe("`running` when its worker has not answered yet: it is stopped all the same"),
}) satisfies z.ZodType<Wire<CancelledRun>>;

const problem = z.looseObject({
  type: text,
  title: text,
  status: z.int(),
  detail: text.describe("One sentence: what is wrong, and what is allowed"),
  code: text.describe("What programs branch on"),
});

/** By the name they have in the document. */
export const ANSWERS = {
  Health: z.strictObject({ status: z.literal("ok") }),
  OpenApi: z.looseObject({ openapi: text }),
  Run: runDetail,
  RunSummary: runSummary,
  RunPage: z.strictObject({
    items: z.array(runSummary),
    total: count.describe("How many runs pass the filter; not counted beyond 10,000"),
    has_more: z.boolean().describe("There are more than `total`"),
    ...page,
    next_cursor: text.nullable().describe("`cursor` of the next page; null when this is the last"),
  }),
  Event: storedEvent,
  EventPage: z.strictObject({
    items: z.array(storedEvent),
    next_cursor: count
      .nullable()
      .describe("`after` of the next page: the last index so far. Null when there is no entry yet"),
  }),
  LlmCallPage: z.strictObject({ items: z.array(llmCall), ...page }),
  ToolCallPage: z.strictObject({ items: z.array(toolInvocation), ...page }),
  TracePage: z.strictObject({ items: z.array(traceEntry), ...page }),
  PauseList: z.strictObject({ items: z.array(pausePair) }),
  Delegation: delegation,
  CostList: z.strictObject({ items: z.array(costLine) }),
  StartedRun: started,
  RunResult: runResult,
  SubmittedRun: submitted,
  CancelledRun: cancelled,
  Problem: problem,
} as const satisfies { readonly [name: string]: z.ZodType };
export type AnswerName = keyof typeof ANSWERS;
export type Answer<N extends AnswerName> = z.input<(typeof ANSWERS)[N]>;
