/** From what a neuron returned or threw to the reply that travels. The one place that maps outcomes to Signal types. */
import type { PayloadOf } from "@myelin/bus";
import { isNeuronOutcome, type NeuronOutcome, type Superseded } from "@myelin/neuron";
import type { z } from "zod";
import { describeIssues, toErrorPayload } from "../errors.ts";
import { isJsonObject, toIssues } from "../validate.ts";

/** A reply without its envelope. */
export type ReplyBody = {
  [T in BodyType]: { type: T; payload: PayloadOf<T> };
}[BodyType];
type BodyType = "AGENT_OUTPUT" | "CLARIFICATION" | "PERMISSION" | "ESCALATION" | "ERROR" | "STOPPED";

/** Null: a later task has the run, and nothing is said. An output that is not a JSON object travels as `{ value }`; one that does not fit its schema is ERROR OUTPUT_INVALID. */
export function toReply(returned: unknown, schema: z.ZodType | null): ReplyBody | null {
  if (isNeuronOutcome(returned)) return returned.kind === "superseded" ? null : toPause(returned);
  if (schema === null) return output(returned);
  const parsed = schema.safeParse(returned);
  if (parsed.success) return output(parsed.data);
  const issues = toIssues(parsed.error);
  const message = describeIssues(issues);
  return error({ code: "OUTPUT_INVALID", message: `the neuron's output does not fit its schema: ${message}`, issues });
}

/** A failure of the neuron as ERROR. */
export const toErrorReply = (thrown: unknown): ReplyBody => ({ type: "ERROR", payload: toErrorPayload(thrown) });

export const error = ({
  recoverable = false,
  ...payload
}: Partial<PayloadOf<"ERROR">> & { code: string; message: string }): ReplyBody & { type: "ERROR" } => ({
  type: "ERROR",
  payload: { ...payload, recoverable },
});

const output = (value: unknown): ReplyBody => ({
  type: "AGENT_OUTPUT",
  payload: { output: isJsonObject(value) ? value : { value: value ?? null } },
});

function toPause(outcome: Exclude<NeuronOutcome, Superseded>): ReplyBody {
  const { context } = outcome;
  switch (outcome.kind) {
    case "clarification":
      return { type: "CLARIFICATION", payload: { question: outcome.question, context } };
    case "permission": {
      const { action, scope, reason } = outcome;
      return {
        type: "PERMISSION",
        payload: { action, context, ...(scope !== null && { scope }), ...(reason !== null && { reason }) },
      };
    }
    case "pause": {
      const { status, question, expiresAt } = outcome;
      const more = { context, ...(expiresAt !== null && { expires_at: expiresAt }) };
      if (status === "waiting_approval") return { type: "PERMISSION", payload: { action: question, ...more } };
      return { type: "CLARIFICATION", payload: { question, status, ...more } };
    }
    case "escalation": {
      const { reason, target } = outcome;
      return { type: "ESCALATION", payload: { reason, context, ...(target !== null && { target }) } };
    }
  }
}
