/**
 * Fake model server: a peer on loopback that speaks OpenAI chat completions and Anthropic messages, streamed and not, and
 * misbehaves on request. The model's name is the lever, so that one server serves a whole test file.
 */

import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Model names with a meaning; any other name answers normally. "piece" is a part of a streamed answer. */
export type FakeModel =
  | "rate-limited-once" // 429 with retry-after 0 for the first request, then a normal answer
  | "rate-limited" // 429 with retry-after 0, always
  | "rate-limited-long" // 429 with retry-after 600, always
  | "out-of-quota" // 429 with OpenAI's code insufficient_quota
  | "overloaded" // 529, always
  | "unauthorized" // 401 that repeats the authorization header
  | "refused" // 400
  | "bad-gateway" // 502 with a long page, as a proxy says it
  | "error-mid-stream" // a piece, then an error event
  | "cut-mid-stream" // a piece, then the socket is destroyed
  | "ends-early" // a piece, then a polite end without a finish reason
  | "not-json" // a piece, then something that does not parse
  | "stuck" // a piece, then nothing
  | "silent" // no response at all
  | "no-usage"; // a normal answer that says nothing of tokens

export interface RecordedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: { readonly [key: string]: unknown };
  /** Whether the client went away before the answer was complete. */
  aborted: boolean;
  /** Settles when the exchange is over, whoever ended it. */
  readonly closed: Promise<void>;
}

export interface FakeModelServer extends AsyncDisposable {
  /** For `baseURL` of an OpenAI client: ends in `/v1`. */
  readonly openaiUrl: string;
  /** For `baseURL` of an Anthropic client: the root. */
  readonly anthropicUrl: string;
  /** What came in, oldest first. */
  readonly requests: readonly RecordedRequest[];
  /** Resolves when the first request has come in. */
  readonly firstRequest: Promise<RecordedRequest>;
}

export interface FakeModelServerOptions {
  /** What every normal answer says. Default: `You said: <the last user message>`. */
  readonly reply?: string | undefined;
}

/** Start one on a free loopback port. Dispose it to close it and whatever is connected. */
export async function startFakeModelServer(options: FakeModelServerOptions = {}): Promise<FakeModelServer> {
  const requests: RecordedRequest[] = [];
  let onFirst: (request: RecordedRequest) => void = () => {};
  const firstRequest = new Promise<RecordedRequest>((resolve) => (onFirst = resolve));
  const record = (request: RecordedRequest): void => {
    if (requests.push(request) === 1) onFirst(request);
  };
  const server = createServer((request, response) => {
    void serve(request, response, { requests, record, ...options }).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    openaiUrl: `${origin}/v1`,
    anthropicUrl: origin,
    requests,
    firstRequest,
    [Symbol.asyncDispose]: () => close(server),
  };
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

interface Recording {
  readonly requests: readonly RecordedRequest[];
  readonly record: (request: RecordedRequest) => void;
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { requests, record, reply }: Recording & FakeModelServerOptions,
): Promise<void> {
  const body = await readJson(request);
  const closed = new Promise<void>((resolve) => response.once("close", resolve));
  const recorded: RecordedRequest = { path: request.url ?? "", headers: request.headers, body, aborted: false, closed };
  response.once("close", () => {
    recorded.aborted = !response.writableFinished;
  });
  record(recorded);

  const wire = WIRES[recorded.path];
  if (wire === undefined) return sendJson(response, 404, { error: { message: `no route ${recorded.path}` } });
  const model = String(body["model"]);
  const earlier = requests.filter((other) => other !== recorded && other.body["model"] === model).length;
  const text = reply ?? `You said: ${lastUserText(body)}`;

  switch (model as FakeModel) {
    case "rate-limited-once":
      if (earlier > 0) break;
      return sendJson(response, 429, wire.error("rate_limit_error", "slow down"), { "retry-after": "0" });
    case "rate-limited":
      return sendJson(response, 429, wire.error("rate_limit_error", "slow down"), { "retry-after": "0" });
    case "rate-limited-long":
      return sendJson(response, 429, wire.error("rate_limit_error", "slow down"), { "retry-after": "600" });
    case "out-of-quota":
      return sendJson(response, 429, wire.error("insufficient_quota", "no money"), { "retry-after": "0" });
    case "overloaded":
      return sendJson(response, 529, wire.error("overloaded_error", "Overloaded"), { "retry-after": "0" });
    case "unauthorized": {
      const message = `bad key: ${request.headers.authorization ?? request.headers["x-api-key"]?.toString()}`;
      return sendJson(response, 401, wire.error("authentication_error", message));
    }
    case "refused":
      return sendJson(response, 400, wire.error("invalid_request_error", "no such parameter"));
    case "bad-gateway":
      response.writeHead(502, { "content-type": "text/html" });
      return void response.end(`<html>${"bad gateway ".repeat(1_000)}</html>`);
    case "silent":
      return;
    default: // answers, at least at first
  }

  const usage = model === "no-usage" ? null : { input: 12, output: 7 };
  if (body["stream"] !== true) return sendJson(response, 200, wire.whole(model, text, usage));

  response.writeHead(200, { "content-type": "text/event-stream" });
  const [first = "", ...rest] = text.match(/\s*\S+/g) ?? [];
  response.write(wire.begin(model, usage) + wire.piece(model, first));
  switch (model as FakeModel) {
    case "error-mid-stream":
      return void response.end(wire.streamError("overloaded_error", "Overloaded"));
    case "cut-mid-stream":
      // Behind the write, or the piece never leaves.
      return void setImmediate(() => response.destroy());
    case "ends-early":
      return void response.end();
    case "not-json":
      return void response.end("event: content_block_delta\ndata: {oops\n\n");
    case "stuck":
      return;
    default: // answers to the end
  }
  for (const piece of rest) response.write(wire.piece(model, piece));
  const includeUsage = (body["stream_options"] as { include_usage?: boolean } | undefined)?.include_usage;
  response.end(wire.end(model, usage, includeUsage === true));
}

interface FakeUsage {
  readonly input: number;
  readonly output: number;
}

/** How one vendor says the same things. */
interface Wire {
  error(type: string, message: string): object;
  whole(model: string, text: string, usage: FakeUsage | null): object;
  begin(model: string, usage: FakeUsage | null): string;
  piece(model: string, text: string): string;
  streamError(type: string, message: string): string;
  end(model: string, usage: FakeUsage | null, includeUsage: boolean): string;
}

const openaiChunk = (model: string, fields: object): string =>
  `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model, usage: null, ...fields })}\n\n`;
const openaiChoice = (delta: object, finishReason: string | null): object => ({
  choices: [{ index: 0, delta, finish_reason: finishReason, logprobs: null }],
});
const openaiUsage = ({ input, output }: FakeUsage): object => ({
  usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
});

const openai: Wire = {
  error: (type, message) => ({ error: { type, code: type, message, param: null } }),
  whole: (model, text, usage) => ({
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1,
    model,
    choices: [
      { index: 0, finish_reason: "stop", logprobs: null, message: { role: "assistant", content: text, refusal: null } },
    ],
    ...(usage === null ? {} : openaiUsage(usage)),
  }),
  begin: (model) => openaiChunk(model, openaiChoice({ role: "assistant", content: "" }, null)),
  piece: (model, text) => openaiChunk(model, openaiChoice({ content: text }, null)),
  streamError: (type, message) => `data: ${JSON.stringify({ error: { type, code: type, message } })}\n\n`,
  end: (model, usage, includeUsage) =>
    openaiChunk(model, openaiChoice({}, "stop")) +
    (usage !== null && includeUsage ? openaiChunk(model, { choices: [], ...openaiUsage(usage) }) : "") +
    "data: [DONE]\n\n",
};

const anthropicEvent = (type: string, fields: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
const anthropicMessage = (model: string, fields: object): object => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model,
  stop_sequence: null,
  ...fields,
});

const anthropic: Wire = {
  error: (type, message) => ({ type: "error", error: { type, message } }),
  whole: (model, text, usage) =>
    anthropicMessage(model, {
      content: [{ type: "text", text }],
      stop_reason: "end_turn",
      ...(usage === null ? {} : { usage: { input_tokens: usage.input, output_tokens: usage.output } }),
    }),
  begin: (model, usage) =>
    anthropicEvent("message_start", {
      message: anthropicMessage(model, {
        content: [],
        stop_reason: null,
        ...(usage === null ? {} : { usage: { input_tokens: usage.input, output_tokens: 1 } }),
      }),
    }) +
    anthropicEvent("content_block_start", { index: 0, content_block: { type: "text", text: "" } }) +
    anthropicEvent("ping", {}),
  piece: (_model, text) => anthropicEvent("content_block_delta", { index: 0, delta: { type: "text_delta", text } }),
  streamError: (type, message) => anthropicEvent("error", { error: { type, message } }),
  end: (_model, usage) =>
    anthropicEvent("content_block_stop", { index: 0 }) +
    anthropicEvent("message_delta", {
      delta: { stop_reason: "end_turn", stop_sequence: null },
      ...(usage === null ? {} : { usage: { output_tokens: usage.output } }),
    }) +
    anthropicEvent("message_stop", {}),
};

const WIRES: { readonly [path: string]: Wire | undefined } = {
  "/v1/chat/completions": openai,
  "/v1/messages": anthropic,
};

async function readJson(request: IncomingMessage): Promise<{ [key: string]: unknown }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString() || "{}") as { [key: string]: unknown };
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: { [name: string]: string } = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

/** Text parts count as well as a plain string: both vendors allow either. */
function lastUserText(body: { readonly [key: string]: unknown }): string {
  const messages = (body["messages"] ?? []) as { role?: string; content?: unknown }[];
  const content = messages.findLast(({ role }) => role === "user")?.content;
  if (!Array.isArray(content)) return typeof content === "string" ? content : "";
  return (content as { text?: string }[]).map(({ text }) => text ?? "").join("");
}
