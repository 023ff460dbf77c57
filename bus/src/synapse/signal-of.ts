/** signalOf: the Signal of an entry of the log; undefined when there is no entry, or it is no Signal. */
import type { Signal } from "../protocol/index.ts";
import type { LogEntry } from "./synapse.ts";

export const signalOf = (entry: LogEntry | null): Signal | undefined =>
  entry?.parsed.ok ? entry.parsed.signal : undefined;
