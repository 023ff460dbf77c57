/** To child end: the reply that ended a run, as the answer to the call by which it was delegated. */
import type { EndType } from "./catalog.ts";
import { endWithFailure, endWithOutput, type ChildEnd } from "./child-end.ts";
import type { RunEventEntry } from "./run-events.ts";
import type { SignalOf } from "./signal.ts";

/** `journal` is the run's: of one that failed it says what was used up. */
export function toChildEnd(reply: SignalOf<EndType>, journal: readonly RunEventEntry[]): ChildEnd {
  switch (reply.type) {
    case "AGENT_OUTPUT":
      return endWithOutput(reply.payload.output);
    case "FINAL":
      return endWithOutput(reply.payload.result);
    case "ERROR": {
      const { code, message } = reply.payload;
      return endWithFailure(`${reply.directed.id}: ${code}: ${message}`, journal);
    }
    case "STOPPED": {
      const { reason } = reply.payload;
      return endWithFailure(`${reply.directed.id} was cancelled${reason === undefined ? "" : `: ${reason}`}`, journal);
    }
  }
}
