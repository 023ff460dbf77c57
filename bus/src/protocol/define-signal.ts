/** What one Signal type is: its payload, who its `directed` names, where it travels, and to whom. */
import { z } from "zod";

/**
 * - `address`: on a request, whom it is for (`id` may be null when only capabilities are known).
 * - `producer`: on a reply or announcement, who made it; never null.
 * - `none`: null, or whatever a peer put there.
 */
export type DirectedRole = "address" | "producer" | "none";

/**
 * The `to` token of the subject.
 * - `neuron`: `directed.id` · `dispatcher`: `meta.reply_to` · `run`: `meta.run_id` · `nobody`: `_`
 */
export type Recipient = "neuron" | "dispatcher" | "run" | "nobody";

/**
 * What the Signal means for its run.
 * - `end`: the run is over; the first one in the log counts · `pause`: the TASK is over, the run waits for a person ·
 *   `none`: the run goes on.
 */
export type RunEffect = "end" | "pause" | "none";

export interface SignalDefinition<T extends string, P extends z.ZodType, D extends DirectedRole> {
  readonly type: T;
  readonly payload: P;
  readonly directed: D;
  readonly to: Recipient;
  readonly effect: RunEffect;
  /** `log`: appended, then republished. `live`: delivered to whoever listens, never stored (unless said in its doc). */
  readonly travels: "log" | "live";
}

/** Define one Signal type. Defaults: directed `none`, to `nobody`, effect `none`, travels `log`. */
export function defineSignal<
  const T extends string,
  P extends z.ZodType,
  const D extends DirectedRole = "none",
>(definition: {
  type: T;
  payload: P;
  directed?: D;
  to?: Recipient;
  effect?: RunEffect;
  travels?: "log" | "live";
}): SignalDefinition<T, P, D> {
  return Object.freeze({
    type: definition.type,
    payload: definition.payload,
    directed: definition.directed ?? ("none" as D),
    to: definition.to ?? "nobody",
    effect: definition.effect ?? "none",
    travels: definition.travels ?? "log",
  });
}

/** A JSON object whose keys we do not know. Arrays and null are refused. */
export const jsonObject = z.record(z.string(), z.unknown());
/** Optional, and absent rather than null on the wire. */
export const optionalText = z.string().optional();
/** A moment, with its zone: `2026-11-20T12:00:00.000Z`. */
export const time = z.iso.datetime({ offset: true });
