/**
 * Answer parts: an answer of a model as an ordered list of texts, calls and thoughts, and back. Vendors check that their
 * thoughts come back where they stood between text and calls, so a `ReasoningBlock` keeps its place.
 */

import type { ModelMessage, ModelToolCall } from "../model/message.ts";
import type { ModelResponse } from "../model/model.ts";
import { readArguments } from "./tool-arguments.ts";

/** A part of an answer, as it comes. */
export type AnswerPart =
  | { readonly kind: "text"; readonly text: string }
  /** `args`: a JSON text, or what was parsed from one. */
  | { readonly kind: "call"; readonly id: string | null | undefined; readonly name: string; readonly args: unknown }
  /** `block`: what goes back with the next turn; null when the vendor wants nothing back. */
  | { readonly kind: "reasoning"; readonly text: string; readonly block: unknown };

/** A part of an assistant's turn, as it goes back. */
export type TurnPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "call"; readonly call: ModelToolCall }
  | { readonly kind: "reasoning"; readonly block: unknown };

/** What `ReasoningBlock.block` holds: the vendor's block, and what stood before it in the answer. */
interface PlacedBlock {
  readonly afterText: boolean;
  readonly afterCalls: number;
  readonly block: unknown;
}

type Read = Pick<ModelResponse, "text" | "toolCalls" | "reasoning" | "reasoningBlocks">;

export function readParts(vendor: string, parts: readonly AnswerPart[]): Read {
  let text = "";
  const thoughts: string[] = [];
  const toolCalls: Read["toolCalls"][number][] = [];
  const reasoningBlocks: Read["reasoningBlocks"][number][] = [];
  for (const part of parts) {
    if (part.kind === "text") text += part.text;
    else if (part.kind === "call") {
      toolCalls.push({ providerCallId: part.id || null, name: part.name, ...readArguments(part.args) });
    } else {
      if (part.text !== "") thoughts.push(part.text);
      if (part.block === null) continue;
      const placed: PlacedBlock = { afterText: text !== "", afterCalls: toolCalls.length, block: part.block };
      reasoningBlocks.push({ vendor, block: placed });
    }
  }
  return { text, toolCalls, reasoning: thoughts.length === 0 ? null : thoughts.join("\n\n"), reasoningBlocks };
}

/** The parts of an assistant's turn in the order of its answer. Thoughts of other vendors, and blank texts, are left out. */
export function writeParts(vendor: string, message: Extract<ModelMessage, { role: "assistant" }>): TurnPart[] {
  const blocks = (message.reasoning ?? []).filter((block) => block.vendor === vendor).map(({ block }) => block);
  const placed = blocks.filter(isPlaced);
  const thoughts = (afterText: boolean, afterCalls: number): TurnPart[] =>
    placed
      .filter((block) => block.afterCalls === afterCalls && (afterCalls > 0 || block.afterText === afterText))
      .map(({ block }) => ({ kind: "reasoning", block }));
  const parts: TurnPart[] = [...thoughts(false, 0)];
  if (message.content.trim() !== "") parts.push({ kind: "text", text: message.content });
  parts.push(...thoughts(true, 0));
  (message.toolCalls ?? []).forEach((call, at) => {
    parts.push({ kind: "call", call }, ...thoughts(true, at + 1));
  });
  return parts;
}

function isPlaced(block: unknown): block is PlacedBlock {
  return typeof block === "object" && block !== null && "afterCalls" in block && "block" in block;
}
