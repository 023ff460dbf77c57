/** @myelin/agent: a model loop with tools, as a neuron whose run is a journal. */

// For users
export type { Finding, Guardrail, GuardrailDirection } from "./guardrail.ts";
