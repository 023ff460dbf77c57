/** readJson: the JSON body of a request, never more of it than the limit. */
import { HttpProblem } from "./problem.ts";

/**
 * Read and parse the body. `maxBytes` is enforced while it is read, so that neither a chunked body nor a wrong
 * Content-Length holds more than that in memory. Throws `HttpProblem` 415, 413 or 400; rejects with what the stream
 * rejects with when the client goes away.
 */
export async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  const mediaType = (request.headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase();
  // Also what keeps a web page of somebody else from posting here: browsers ask first before they send this type.
  if (mediaType !== "application/json") {
    throw new HttpProblem({
      status: 415,
      code: "UNSUPPORTED_MEDIA_TYPE",
      detail: `send JSON with "Content-Type: application/json", got ${mediaType === "" ? "none" : show(mediaType)}`,
    });
  }
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const bytes = await readBytes(request, maxBytes);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    const reason = bytes.length === 0 ? "it is empty" : (cause as Error).message;
    throw new HttpProblem({ status: 400, code: "BAD_JSON", detail: `the body is not JSON: ${reason}`, cause });
  }
}

async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes); // leaving the loop cancels the stream
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const tooLarge = (maxBytes: number) =>
  new HttpProblem({
    status: 413,
    code: "PAYLOAD_TOO_LARGE",
    detail: `the body may have at most ${maxBytes} bytes`,
    members: { maxBytes },
  });

const show = (text: string) => JSON.stringify(text.slice(0, 80));
