/**
 * Operations: the table of the run routes. The router is made of it, and so is the OpenAPI document: neither can say
 * anything that the other does not.
 */
import { RUN_STATUSES } from "@myelin/bus/run-events";
import type { Method, Route } from "../routes.ts";
import type { AnswerName } from "./answers.ts";
import type { BodyName } from "./bodies.ts";
import { anyOf, costKey, flag, metadata, moment, text, wholeNumber, type Parameters } from "./parameters.ts";

export interface Operation {
  readonly method: Method;
  readonly path: string;
  readonly guard: Route["guard"];
  readonly summary: string;
  /** Default none. */
  readonly query?: Parameters;
  /** Request headers that mean something here. */
  readonly headers?: readonly HeaderName[];
  readonly body?: { readonly schema: BodyName; readonly isOptional?: boolean };
  /** What it answers when all is well, by status: JSON of that name (or one of those), an event stream, or nothing. */
  readonly answers: { readonly [status: number]: AnswerName | readonly AnswerName[] | "event-stream" | null };
  /** Statuses of its problems, beside those that every guarded route has: 401, 403, 500, 503. */
  readonly problems?: readonly number[];
  /** It is there only when the router has a Dendrite. */
  readonly isWrite?: boolean;
  /** It is there only when the router has a RunStore. */
  readonly isRead?: boolean;
}

export const HEADERS = {
  "Idempotency-Key": "1 to 255 characters: all requests of a tenant with one key are one run",
  "Last-Event-ID": "The id of the last frame that was received: go on behind it. Wins over `after`",
} as const;
export type HeaderName = keyof typeof HEADERS;

const MAX_INDEX = 2_147_483_647;
const limit = (fallback: number) => wholeNumber("Rows at most", { min: 1, max: 1_000, fallback });
const offset = wholeNumber("Rows to skip", { min: 0, max: MAX_INDEX, fallback: 0 });
const after = wholeNumber("Only entries behind this `sequence_index`", { min: -1, max: MAX_INDEX });
const wait = flag("1: answer when the run is over, or waits for somebody");
const calls = {
  iteration: wholeNumber("Only those of this iteration", { min: 0, max: MAX_INDEX }),
  limit: limit(100),
  offset,
};

const filter = {
  status: anyOf("Runs in this status; repeat it for any of several", RUN_STATUSES),
  agent_name: text("Runs of this agent"),
  parent_run_id: text("Runs that this run asked for"),
  trace_id: text("Runs of this trace"),
  retry_of: text("Runs that try this run again"),
  assignee: text("Runs that wait, and name this person among those who should answer"),
  tenant_id: text("Runs of this tenant; only for who is of no tenant"),
  started_after: moment("Runs from this time on, itself included"),
  started_before: moment("Runs before this time"),
  metadata: metadata(
    "`metadata.<key>=<value>`, as often as wanted: runs whose metadata has just this value. `true`, `false`, `null`, numbers, and " +
      "what stands in double quotes, braces or brackets are JSON; anything else is text. A text that looks like a number is " +
      'asked for in quotes: `metadata.order="7"`',
  ),
};

export const OPERATIONS = {
  getHealth: {
    method: "GET",
    path: "/health",
    guard: "open",
    summary: "The process is alive",
    answers: { 200: "Health" },
  },
  getOpenApi: {
    method: "GET",
    path: "/openapi.json",
    guard: "open",
    summary: "This document",
    answers: { 200: "OpenApi" },
  },
  listRuns: {
    method: "GET",
    path: "/runs",
    guard: "counted",
    summary: "Runs that pass the filter, newest first",
    query: {
      ...filter,
      limit: limit(50),
      offset: wholeNumber("Runs to skip; slow beyond some 10,000: go deep with `cursor`", { min: 0, max: MAX_INDEX }),
      cursor: text("`next_cursor` of the page before; not together with `offset`"),
    },
    answers: { 200: "RunPage" },
    problems: [422],
    isRead: true,
  },
  getRun: {
    method: "GET",
    path: "/runs/:id",
    guard: "counted",
    summary: "One run, with its input and output",
    answers: { 200: "Run" },
    problems: [404, 422],
    isRead: true,
  },
  getEvents: {
    method: "GET",
    path: "/runs/:id/events",
    guard: "counted",
    summary: "The journal of a run, in its order; empty for a run without one",
    query: { after, limit: limit(100) },
    answers: { 200: "EventPage" },
    problems: [404, 422],
    isRead: true,
  },
  streamEvents: {
    method: "GET",
    path: "/runs/:id/events/stream",
    guard: "authorized",
    summary: "The journal of a run as it grows, as server-sent events; with `deltas`, what it says too",
    query: { after, deltas: flag("1: live events, with the pieces of text in between") },
    headers: ["Last-Event-ID"],
    answers: { 200: "event-stream", 204: null },
    problems: [404, 422],
    isRead: true,
  },
  getLlmCalls: {
    method: "GET",
    path: "/runs/:id/llm-calls",
    guard: "counted",
    summary: "The model calls of a run, failed ones among them",
    query: calls,
    answers: { 200: "LlmCallPage" },
    problems: [404, 422],
    isRead: true,
  },
  getToolCalls: {
    method: "GET",
    path: "/runs/:id/tool-calls",
    guard: "counted",
    summary: "The answered tool calls of a run",
    query: calls,
    answers: { 200: "ToolCallPage" },
    problems: [404, 422],
    isRead: true,
  },
  getTraces: {
    method: "GET",
    path: "/runs/:id/traces",
    guard: "counted",
    summary: "The conversation of a run",
    query: { limit: limit(100), offset },
    answers: { 200: "TracePage" },
    problems: [404, 422],
    isRead: true,
  },
  getPauses: {
    method: "GET",
    path: "/runs/:id/pauses",
    guard: "counted",
    summary: "The pauses of a run, each with how it ended",
    answers: { 200: "PauseList" },
    problems: [404, 422],
    isRead: true,
  },
  getDelegation: {
    method: "GET",
    path: "/runs/:id/delegation",
    guard: "counted",
    summary: "Who asked for a run, whom it asked, and what all of it cost",
    answers: { 200: "Delegation" },
    problems: [404, 422],
    isRead: true,
  },
  getCosts: {
    method: "GET",
    path: "/costs",
    guard: "counted",
    summary: "What runs cost: by model, agent, day, or the value of a metadata key",
    query: {
      by: costKey("`model`, `agent`, `day` (UTC), or `metadata.<key>`: the values of that key"),
      limit: limit(100),
      ...filter,
    },
    answers: { 200: "CostList" },
    problems: [422],
    isRead: true,
  },
  startRun: {
    method: "POST",
    path: "/runs",
    guard: "counted",
    summary: "Start a run of an agent",
    query: { wait },
    headers: ["Idempotency-Key"],
    body: { schema: "StartRun" },
    answers: { 200: "RunResult", 202: ["StartedRun", "RunResult"] },
    problems: [400, 409, 413, 415, 422, 502, 504],
    isWrite: true,
  },
  streamRun: {
    method: "POST",
    path: "/runs/stream",
    guard: "counted",
    summary: "Start a run of an agent and watch it, as server-sent events",
    headers: ["Idempotency-Key"],
    body: { schema: "StartRun" },
    answers: { 200: "event-stream" },
    problems: [400, 409, 413, 415, 422, 502, 504],
    isWrite: true,
  },
  submitApproval: {
    method: "POST",
    path: "/runs/:id/approval",
    guard: "counted",
    summary: "Allow or refuse the tool calls a run waits with",
    query: { wait },
    body: { schema: "Approval" },
    answers: { 200: "RunResult", 202: ["SubmittedRun", "RunResult"] },
    problems: [400, 404, 409, 410, 413, 415, 422, 502, 504],
    isWrite: true,
  },
  submitInput: {
    method: "POST",
    path: "/runs/:id/input",
    guard: "counted",
    summary: "Answer what a run asked a person",
    query: { wait },
    body: { schema: "HumanInput" },
    answers: { 200: "RunResult", 202: ["SubmittedRun", "RunResult"] },
    problems: [400, 404, 409, 410, 413, 415, 422, 502, 504],
    isWrite: true,
  },
  submitToolResults: {
    method: "POST",
    path: "/runs/:id/tool-results",
    guard: "counted",
    summary: "Give the results of tool calls that run outside; some or all",
    query: { wait },
    body: { schema: "ToolResults" },
    answers: { 200: "RunResult", 202: ["SubmittedRun", "RunResult"] },
    problems: [400, 404, 409, 410, 413, 415, 422, 502, 504],
    isWrite: true,
  },
  cancelRun: {
    method: "POST",
    path: "/runs/:id/cancel",
    guard: "counted",
    summary: "Cancel a run, running or paused, and what it delegated",
    body: { schema: "CancelRun", isOptional: true },
    answers: { 200: "CancelledRun" },
    problems: [400, 404, 413, 415, 422],
    isWrite: true,
  },
  deleteRun: {
    method: "DELETE",
    path: "/runs/:id",
    guard: "counted",
    summary: "The same as POST /runs/{id}/cancel without a body; nothing is deleted",
    answers: { 200: "CancelledRun" },
    problems: [404, 422],
    isWrite: true,
  },
  retryRun: {
    method: "POST",
    path: "/runs/:id/retry",
    guard: "counted",
    summary: "Run again what is over: a new run with the conversation of the old one",
    query: { wait },
    headers: ["Idempotency-Key"],
    body: { schema: "RetryRun", isOptional: true },
    answers: { 200: "RunResult", 202: ["StartedRun", "RunResult"] },
    problems: [400, 404, 409, 413, 415, 422, 502, 504],
    isWrite: true,
  },
} as const satisfies { readonly [id: string]: Operation };

export type OperationId = keyof typeof OPERATIONS;
