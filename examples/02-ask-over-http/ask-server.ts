/** Ask server: `POST /ask {"prompt": "…"}` answers `{"response": …}`. The part to copy into an application. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { DispatchTimeoutError, NeuronError, NeuronPausedError, NoWorkerError, requestSignal } from "myelin";
import type { Dendrite } from "myelin";

/** `dendrite` is made once per process, not per request. `timeoutMs` is how long a prompt may take. */
export function createAskServer(dendrite: Dendrite, timeoutMs: number): Server {
  return createServer((req, res) => {
    ask(dendrite, timeoutMs, req, res)
      .then((body) => send(res, 200, body))
      .catch((error: unknown) => send(res, statusOf(error), { error: String((error as Error).message) }));
  });
}

async function ask(dendrite: Dendrite, timeoutMs: number, req: IncomingMessage, res: ServerResponse): Promise<object> {
  const prompt = await readPrompt(req);
  const reply = await dendrite.dispatchAndWait({
    neuron: "worker",
    input: { prompt },
    timeoutMs,
    signal: requestSignal(req, res), // the client goes away: its run is stopped, wherever it runs
  });
  return { response: reply.payload.output["response"] };
}

/** A dispatch ends in an output or in one of these; what is not listed is a fault of ours. */
function statusOf(error: unknown): number {
  if (error instanceof BadRequest) return 400;
  if (error instanceof NeuronPausedError) return 409; // a question: answer it with dendrite.respondTo…
  if (error instanceof NeuronError) return 502;
  if (error instanceof NoWorkerError) return 503;
  if (error instanceof DispatchTimeoutError) return 504;
  return 500;
}

class BadRequest extends Error {}
const MAX_BODY_BYTES = 100_000;

async function readPrompt(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new BadRequest(`the body may have at most ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  const { prompt } = parseJson(Buffer.concat(chunks).toString());
  if (typeof prompt !== "string" || prompt.trim() === "") throw new BadRequest("prompt is required");
  return prompt;
}

function parseJson(text: string): { prompt?: unknown } {
  try {
    return (JSON.parse(text) ?? {}) as { prompt?: unknown };
  } catch {
    throw new BadRequest("the body must be JSON");
  }
}

function send(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
