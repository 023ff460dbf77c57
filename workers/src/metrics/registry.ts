/** A registry of one process: our metrics in it, and node's own beside them. */
import { collectDefaultMetrics, Registry } from "prom-client";

export interface Rendered {
  readonly contentType: string;
  readonly body: string;
}

/** A new registry with the process' own `process_…` and `nodejs_…` metrics in it. */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** Makes the text of `GET /metrics`. */
export const renderer = (registry: Registry) => async (): Promise<Rendered> => ({
  contentType: registry.contentType,
  body: await registry.metrics(),
});

/**
 * Keeps the values of a label few. Neuron names and error codes come from peers; one that makes up a new one with every
 * Signal would otherwise fill our memory. Values beyond the first `max` become `other`.
 */
export function boundedLabel(max = 200): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= max) return "other";
    known.add(value);
    return value;
  };
}
