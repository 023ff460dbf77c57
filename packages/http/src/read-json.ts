/** readJson: the JSON body of a request, never more of it than the limit. */
import { HttpProblem } from "./problem.ts";

export interface ReadOptions {
  readonly maxBytes: number;
  /** Hears how many bytes the body has, as far as is known: what it says itself, then what came. May throw to refuse it. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Read and parse the body. `maxBytes` is enforced while it is read, so that neither a chunked body nor a wrong
 * Content-Length holds more than that in memory. Throws `HttpProblem` 415, 413 or 400; rejects with what the stream
 * rejects with when the client goes away.
 */
export async function readJson(request: Request, options: ReadOptions): Promise<unknown> {
  checkMediaType(request);
  return parse(await readBytes(request, options));
}

/** The same for a body that may be left out: undefined when it is empty, whatever its type. */
export async function readOptionalJson(request: Request, options: ReadOptions): Promise<unknown> {
  const bytes = await readBytes(request, options);
  if (bytes.length === 0) return undefined;
  checkMediaType(request);
  return parse(bytes);
}

// Also what keeps a web page of somebody else from posting here: browsers ask first before they send this type.
function checkMediaType(request: Request): void {
  const mediaType = (request.headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase();
  if (mediaType === "application/json") return;
  throw new HttpProblem({
    status: 415,
    code: "UNSUPPORTED_MEDIA_TYPE",
    detail: `send JSON with "Content-Type: application/json", got ${mediaType === "" ? "none" : show(mediaType)}`,
  });
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    const reason = bytes.length === 0 ? "it is empty" : (cause as Error).message;
    throw new HttpProblem({ status: 400, code: "BAD_JSON", detail: `the body is not JSON: ${reason}`, cause });
  }
}

async function readBytes(request: Request, { maxBytes, onBytes }: ReadOptions): Promise<Uint8Array> {
  const claimed = Number(request.headers.get("content-length") ?? 0);
  if (claimed > maxBytes) throw tooLarge(maxBytes);
  onBytes?.(claimed);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes); // leaving the loop cancels the stream
    onBytes?.(size);
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
