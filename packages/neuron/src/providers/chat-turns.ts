/** Chat turns: a neuron's input, and the answers people gave since, as the messages of a conversation with a model. Pure. */

import type { Answer } from "../context.ts";
import { NeuronFailure } from "../errors.ts";
import type { JsonObject } from "../outcomes.ts";

/** One message of a conversation, in no vendor's words. */
export interface ChatTurn {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

const PROMPT_KEYS = ["prompt", "text", "query", "content"] as const;
const ROLES: readonly unknown[] = ["system", "user", "assistant"] satisfies ChatTurn["role"][];

const ACCEPTED =
  'accepted is { prompt: "…" } (or text, query, content), or ' +
  '{ messages: [{ role: "system" | "user" | "assistant", content: "…" }, …] }';

/**
 * The conversation in `input`: its `messages`, else the first of `prompt`, `text`, `query`, `content` as one user turn.
 * A key that is null counts as absent; other keys are ignored. Throws `NeuronFailure` INPUT_INVALID, saying what is
 * accepted, when there is none, or a text is empty or no string.
 */
export function toChatTurns(input: JsonObject): ChatTurn[] {
  const messages = input["messages"] ?? null;
  if (messages !== null) return toTurns(messages);
  const key = PROMPT_KEYS.find((candidate) => (input[candidate] ?? null) !== null);
  if (key === undefined) throw invalid(`the input has none of the keys this neuron reads (it has ${keysOf(input)})`);
  return [{ role: "user", content: toText(key, input[key]) }];
}

/**
 * What was said at earlier pauses of the run, as a question by the assistant and an answer by the user, oldest first, so
 * that a model goes on where it stopped.
 */
export function toFollowUpTurns(answers: readonly Answer[]): ChatTurn[] {
  return answers.flatMap((answer): ChatTurn[] => [
    { role: "assistant", content: answer.kind === "permission" ? `May I: ${answer.question}?` : answer.question },
    { role: "user", content: answer.kind === "permission" ? toDecision(answer) : toAnswerText(answer.answer) },
  ]);
}

function toTurns(messages: unknown): ChatTurn[] {
  if (!Array.isArray(messages) || messages.length === 0)
    throw invalid("`messages` must be a list with at least one turn");
  const turns = messages.map((message: unknown, at): ChatTurn => {
    const { role, content } = (message ?? {}) as { role?: unknown; content?: unknown };
    if (!isRole(role)) throw invalid(`messages[${at}].role is ${JSON.stringify(role) ?? "missing"}`);
    return { role, content: toText(`messages[${at}].content`, content) };
  });
  if (turns.every((turn) => turn.role === "system")) throw invalid("`messages` has system turns only");
  return turns;
}

function isRole(role: unknown): role is ChatTurn["role"] {
  return ROLES.includes(role);
}

function toText(where: string, text: unknown): string {
  if (typeof text === "string" && text.trim() !== "") return text;
  throw invalid(`${where} must be a text that is not empty, got ${typeof text === "string" ? '""' : typeof text}`);
}

function toDecision({ question, granted, answer }: Answer): string {
  const note = typeof answer === "string" && answer.trim() !== "" ? ` ${answer}` : "";
  return granted === true
    ? `Permission GRANTED: ${question}.${note} Continue the original task.`
    : `Permission DENIED: ${question}.${note} Do not do it. Continue the original task without it.`;
}

function toAnswerText(answer: unknown): string {
  if (typeof answer === "string" && answer.trim() !== "") return answer;
  return typeof answer === "string" || (answer ?? null) === null ? "(no answer)" : JSON.stringify(answer);
}

/** Keys only: the values are the user's business and may be large. */
function keysOf(input: JsonObject): string {
  const keys = Object.keys(input);
  return keys.length === 0 ? "no keys" : keys.slice(0, 8).join(", ") + (keys.length > 8 ? ", …" : "");
}

function invalid(problem: string): NeuronFailure {
  return new NeuronFailure("INPUT_INVALID", `${problem}; ${ACCEPTED}`);
}
