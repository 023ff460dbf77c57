/**
 * Guard a submission: what it brings to the model is looked through by the guardrails that the run's journal pins, before any
 * of it is stored. What is masked is known to the run as its own placeholders are.
 */
import { journalState, submissionGuard, type NewRunEvent, type RunEventEntry } from "@myelin/bus/run-events";
import { GuardrailBlockedError } from "../errors.ts";
import type { Submission } from "./judge.ts";

type Answering = Exclude<Submission, { kind: "cancel" }>;

/** The submission as it may be stored, and the entries that go before it. Throws `GuardrailBlockedError`. */
export function guardSubmission(
  agent: string,
  journal: readonly RunEventEntry[],
  submission: Answering,
): { readonly submission: Answering; readonly entries: readonly NewRunEvent[] } {
  const guard = submissionGuard(journal);
  const entries: NewRunEvent[] = [];
  const { pause, iteration } = journalState(journal);
  const look = <T>(value: T, callId: string): T => {
    const guarded = guard(value, callId);
    if (guarded.blocked) throw new GuardrailBlockedError(agent, guarded.blocked.guardrail, guarded.blocked.entities);
    entries.push(...guarded.entries.map((entry) => ({ ...entry, iteration_index: iteration })));
    return guarded.value;
  };
  const asked = pause?.missing.find(({ needs }) => needs === "input")?.call_id ?? "";
  return { submission: looked(submission, look, asked), entries };
}

function looked(submission: Answering, look: <T>(value: T, callId: string) => T, asked: string): Answering {
  switch (submission.kind) {
    case "approval": {
      // A model reads why a call was refused.
      const { rest, calls } = submission;
      return {
        ...submission,
        rest: rest && { ...rest, reason: look(rest.reason, "") },
        calls: new Map([...calls].map(([id, one]) => [id, { ...one, reason: look(one.reason, id) }])),
      };
    }
    case "input":
      return { ...submission, text: look(submission.text, submission.callId ?? asked) };
    case "results":
      return {
        ...submission,
        results: submission.results.map((one) => ({
          ...one,
          ...look({ result: one.result, error: one.error }, one.callId),
        })),
      };
  }
}
