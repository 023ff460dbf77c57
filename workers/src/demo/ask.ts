/** Ask: the questions, over HTTP, several at once. */

export interface Answer {
  readonly question: string;
  readonly response: string;
  readonly instance: string;
  readonly runId: string;
  readonly traceId: string;
  readonly ms: number;
}

export interface Unanswered {
  readonly question: string;
  /** What the gateway said instead. */
  readonly problem: string;
}

export interface AskOptions {
  readonly gatewayUrl: string;
  /** Lands on every run. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  /** Told of each as it comes. */
  readonly onAnswer: (answer: Answer | Unanswered) => void;
}

const AT_ONCE = 8;
/** A model may think for a while. */
const TIMEOUT_MS = 60_000;

/** Ask all. Resolves with one result per question, in their order; rejects only with the signal's reason. */
export async function askAll(
  questions: readonly string[],
  options: AskOptions,
): Promise<readonly (Answer | Unanswered)[]> {
  const results: (Answer | Unanswered)[] = [];
  let next = 0;
  const askInTurn = async () => {
    while (next < questions.length) {
      const at = next++;
      const result = await ask(questions[at]!, options);
      results[at] = result;
      options.onAnswer(result);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, askInTurn));
  return results;
}

async function ask(question: string, { gatewayUrl, metadata, signal }: AskOptions): Promise<Answer | Unanswered> {
  const startedAt = performance.now();
  try {
    const response = await fetch(`${gatewayUrl}/ask`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: question, metadata, timeoutMs: TIMEOUT_MS }),
      signal,
    });
    const body = (await response.json()) as Record<string, unknown>;
    const ms = performance.now() - startedAt;
    if (!response.ok) return { question, problem: `${response.status} ${String(body["detail"])}` };
    const { response: text, runId, traceId, worker } = body;
    return {
      question,
      response: typeof text === "string" ? text : JSON.stringify(text),
      instance: String((worker as { instance?: unknown }).instance),
      runId: String(runId),
      traceId: String(traceId),
      ms,
    };
  } catch (error) {
    signal.throwIfAborted();
    const { message, cause } = error as Error;
    return { question, problem: cause instanceof Error ? `${message}: ${cause.message}` : message };
  }
}

export const isAnswer = (result: Answer | Unanswered): result is Answer => "response" in result;

/** The middle one of some numbers, or the mean of the middle two; 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = 0, high = low] = Number.isInteger(middle)
    ? sorted.slice(middle - 1, middle + 1)
    : sorted.slice(Math.floor(middle), Math.floor(middle) + 1);
  return (low + high) / 2;
}
