/** Messages: a conversation with a model, in no vendor's words. */
import type { JsonObject } from "../outcomes.ts";

/** A call of a tool, as the model asked for it. */
export interface ModelToolCall {
  /** Ours, unique in the run; the vendor's id stays beside it. */
  readonly id: string;
  /** Null when the vendor gives none. */
  readonly providerCallId: string | null;
  readonly name: string;
  readonly params: JsonObject;
}

/** What the model thought, as the vendor wants it back. Opaque, and only for the vendor it came from. */
export interface ReasoningBlock {
  readonly vendor: string;
  readonly block: unknown;
}

export type ModelMessage =
  | { readonly role: "system"; readonly content: string }
  /** `isStable`: the same in every call of many runs, so worth a cache mark behind it. */
  | { readonly role: "user"; readonly content: string; readonly isStable?: boolean | undefined }
  | {
      readonly role: "assistant";
      readonly content: string;
      readonly toolCalls?: readonly ModelToolCall[] | undefined;
      readonly reasoning?: readonly ReasoningBlock[] | undefined;
    }
  | {
      readonly role: "tool";
      readonly callId: string;
      readonly providerCallId: string | null;
      readonly toolName: string;
      readonly content: string;
      readonly isError?: boolean | undefined;
    };
