/** Impatient fetch: keeps an SDK from waiting longer than is worth it before it tries again. */

/**
 * The longest pause an SDK may make between two tries, in milliseconds. A run holds its slot meanwhile; beyond this the
 * failure goes to the Axon's own retries, which hold none. The SDKs' own backoff ends at 8 s.
 */
export const LONGEST_PAUSE_MS = 10_000;

/**
 * Fetch, but an answer whose `retry-after` is longer than `LONGEST_PAUSE_MS` says `x-should-retry: false`, which both SDKs
 * obey. Without it they sleep as long as the server likes (ten minutes were seen), and OpenAI's hears no abort meanwhile:
 * https://github.com/openai/openai-node/blob/v6.49.0/src/client.ts (retryRequest)
 */
export async function fetchImpatiently(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init);
  if (response.ok || toPauseMs(response.headers, Date.now()) <= LONGEST_PAUSE_MS) return response;
  const headers = new Headers(response.headers);
  headers.set("x-should-retry", "false");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

/** How long the server asks to wait; 0 when it does not say. */
export function toPauseMs(headers: Headers, nowMs: number): number {
  const inMs = Number.parseFloat(headers.get("retry-after-ms") ?? "");
  if (!Number.isNaN(inMs)) return inMs;
  const retryAfter = headers.get("retry-after") ?? "";
  const inSeconds = Number.parseFloat(retryAfter);
  if (!Number.isNaN(inSeconds)) return inSeconds * 1_000;
  const at = Date.parse(retryAfter);
  return Number.isNaN(at) ? 0 : at - nowMs;
}
