/**
 * Fake model server: a peer on loopback that speaks OpenAI chat completions, OpenAI Responses and Anthropic messages, streamed
 * and not, and misbehaves on request. The model's name is the lever, so that one server serves a whole test file.
 */

import { ANSWERS } from "@myelin/neuron/testing";
import type { Accident } from "@myelin/neuron/testing";
import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { WIRES, type WireAnswer } from "./fake-model-wires.ts";

/**
 * Model names with a meaning: those of the conformance suite, whole answers and accidents. Any other name answers
 * `You said: …`.
 */
export type FakeModel = Accident | keyof typeof ANSWERS;

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
  /** Who names a tool in a message gets it called, with the number of the message as each parameter; then its result is said. */
  readonly callsTools?: boolean | undefined;
  /** As Mistral: `stream_options` is answered 422, and the usage of a stream is said unasked. */
  readonly refusesStreamOptions?: boolean | undefined;
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
  { requests, record, reply, callsTools = false, refusesStreamOptions = false }: Recording & FakeModelServerOptions,
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
  if (refusesStreamOptions && "stream_options" in body) {
    return sendJson(
      response,
      422,
      wire.error("invalid_request_error", "stream_options: extra inputs are not permitted"),
    );
  }
  const retryAfter = (seconds: number) => ({ "retry-after": String(seconds) });
  const rateLimit = wire.error("rate_limit_error", "slow down");

  switch (model as FakeModel) {
    case "rate-limited-once":
      if (earlier > 0) break;
      return sendJson(response, 429, rateLimit, retryAfter(0));
    case "rate-limited":
      return sendJson(response, 429, rateLimit, retryAfter(0));
    case "rate-limited-awhile":
      return sendJson(response, 429, rateLimit, retryAfter(8));
    case "rate-limited-long":
      return sendJson(response, 429, rateLimit, retryAfter(600));
    case "out-of-quota":
      return sendJson(response, 429, wire.error("insufficient_quota", "no money"), retryAfter(0));
    case "overloaded-once":
      if (earlier > 0) break;
      return sendJson(response, 529, wire.error("overloaded_error", "Overloaded"), retryAfter(0));
    case "overloaded":
      return sendJson(response, 529, wire.error("overloaded_error", "Overloaded"), retryAfter(0));
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

  const said = reply ?? `You said: ${lastUserText(body)}`;
  const part = (callsTools ? toolPart(body) : null) ?? { text: said };
  const answer: WireAnswer = Object.hasOwn(ANSWERS, model)
    ? ANSWERS[model as keyof typeof ANSWERS]
    : { parts: [part], usage: { input: 12, output: 7 } };
  if (body["stream"] !== true) return sendJson(response, 200, wire.whole(model, answer));

  response.writeHead(200, { "content-type": "text/event-stream" });
  const [first = "", ...rest] = wire.pieces(model, answer);
  response.write(wire.begin(model, answer) + first);
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
  for (const piece of rest) response.write(piece);
  const includeUsage = (body["stream_options"] as { include_usage?: boolean } | undefined)?.include_usage;
  response.end(wire.end(model, answer, includeUsage === true || refusesStreamOptions));
}

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
  const messages = (body["messages"] ?? body["input"] ?? []) as { role?: string; content?: unknown }[];
  const content = messages.findLast(({ role }) => role === "user")?.content;
  if (!Array.isArray(content)) return typeof content === "string" ? content : "";
  return (content as { text?: string }[]).map(({ text }) => text ?? "").join("");
}

/** A call of the tool that the last message names, or the result that it is; of chat completions. */
function toolPart(body: { readonly [key: string]: unknown }): WireAnswer["parts"][0] | null {
  const last = ((body["messages"] ?? []) as { role?: string; content?: unknown }[]).at(-1);
  if (last?.role === "tool") return { text: `It is ${String(last.content)}` };
  const text = lastUserText(body);
  const tools = (body["tools"] ?? []) as { function: { name: string; parameters: { properties?: object } } }[];
  const named = tools.map((tool) => tool.function).find(({ name }) => text.includes(name));
  if (named === undefined) return null;
  const number = Number(/\d+/.exec(text)?.[0] ?? 0);
  const names = Object.keys(named.parameters.properties ?? {});
  const args = JSON.stringify(Object.fromEntries(names.map((name) => [name, number])));
  return { call: "call_1", name: named.name, args };
}
