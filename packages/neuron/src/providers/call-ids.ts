/** Call ids: which id each tool call of a conversation has on a vendor's wire. */

import { NeuronFailure } from "../errors.ts";
import type { ModelMessage } from "../model/message.ts";

/** What a wire takes as the id of a call. */
export interface CallIdRule {
  readonly pattern: RegExp;
  /** Ours in a form that fits. */
  readonly toFit: (id: string) => string;
}

export const COMMON_CALL_IDS: CallIdRule = {
  pattern: /^[A-Za-z0-9_-]{1,64}$/,
  toFit: (id) => id.replace(/[^A-Za-z0-9_-]/g, "_").slice(-64),
};

/**
 * The id on the wire of each call, by our id: the vendor's own, unless it does not fit (another vendor's) or two calls have it
 * (some servers count from 0 in every answer). Throws `NeuronFailure` MODEL_REFUSED_REQUEST, as the server would less
 * clearly, when a call id is used twice, or a result answers no call or an answered one.
 */
export function toWireIds(messages: readonly ModelMessage[], rule = COMMON_CALL_IDS): ReadonlyMap<string, string> {
  const wireIds = new Map<string, string>();
  const taken = new Set<string>();
  const answered = new Set<string>();
  for (const message of messages) {
    if (message.role === "assistant") {
      for (const { id, providerCallId } of message.toolCalls ?? []) {
        if (wireIds.has(id)) throw refused(`two tool calls have the id "${id}"`);
        const isUsable = providerCallId !== null && rule.pattern.test(providerCallId) && !taken.has(providerCallId);
        const wireId = isUsable ? providerCallId : rule.toFit(id);
        wireIds.set(id, wireId);
        taken.add(wireId);
      }
    } else if (message.role === "tool") {
      const { callId, toolName } = message;
      if (!wireIds.has(callId)) {
        throw refused(
          `a result of "${toolName}" answers the call "${callId}", which no assistant message before it made`,
        );
      }
      if (answered.has(callId)) throw refused(`the call "${callId}" is answered twice`);
      answered.add(callId);
    }
  }
  return wireIds;
}

function refused(problem: string): NeuronFailure {
  return new NeuronFailure("MODEL_REFUSED_REQUEST", `the conversation cannot be sent: ${problem}`);
}
