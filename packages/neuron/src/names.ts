/** How neurons and capabilities may be named. The subject grammar of the bus relies on it. */

const NEURON_ID = /^[A-Za-z0-9_-]{1,64}$/;
const CAPABILITY = /^[A-Za-z0-9_.:-]{1,64}$/;
/** A neuron id stands where instance ids (`dnd_`), run ids (`run_`) and "nobody" (`_`) may stand too. */
const RESERVED_START = /^(dnd_|run_|_)/;

/** Why `id` cannot be a neuron id, as a sentence with the value and the fix; null when it can. */
export function neuronIdProblem(id: unknown): string | null {
  if (typeof id !== "string") return `a neuron id must be a string, got ${typeof id}`;
  if (!NEURON_ID.test(id)) {
    return `a neuron id must be 1 to 64 of A-Z a-z 0-9 _ -, got ${JSON.stringify(id)}`;
  }
  if (RESERVED_START.test(id)) {
    return `a neuron id may not begin with "dnd_", "run_" or "_" (they mark instances, runs and nobody), got ${JSON.stringify(id)}`;
  }
  return null;
}

/** Why `capability` cannot be one, as a sentence with the value and the fix; null when it can. */
export function capabilityProblem(capability: unknown): string | null {
  if (typeof capability !== "string") return `a capability must be a string, got ${typeof capability}`;
  if (!CAPABILITY.test(capability)) {
    return `a capability must be 1 to 64 of A-Z a-z 0-9 _ . : -, got ${JSON.stringify(capability)}`;
  }
  return null;
}
