/** The job that every contender does: a question of some 200 bytes, answered with some 300. */

export interface Job {
  readonly prompt: string;
}
export interface Answer {
  readonly response: string;
}

/** How long a dispatch may take. Nobody comes near it; everybody keeps the timer. */
export const TIMEOUT_MS = 30_000;

const QUESTION =
  "A customer writes that the invoice of last month lists the same subscription twice, once per seat and once as a flat " +
  "fee. Explain in two sentences what to check first.";
const ANSWER =
  " Look at the plan change of the 14th: both plans were active for a day, and each was billed as a whole.";

let asked = 0;

/** A question that no other question equals. */
export function makeJob(): Job {
  return { prompt: `${++asked} ${QUESTION}` };
}

/** What the workers run. Asynchronous, as every handler of every contender may be. */
export async function answerJob({ prompt }: Job): Promise<Answer> {
  return { response: prompt + ANSWER };
}

/** A loop that mixes its replies up is not fast, it is wrong. */
export function assertAnswer(job: Job, answer: Answer): void {
  if (answer.response === job.prompt + ANSWER) return;
  throw new Error(`the reply to "${job.prompt.slice(0, 40)}…" was ${JSON.stringify(answer).slice(0, 80)}`);
}
