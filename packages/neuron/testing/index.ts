/** @myelin/neuron/testing: what tests of agents and neurons need in place of a vendor. */
export { scriptedModel } from "./scripted-model.ts";
export type { ScriptedAnswer, ScriptedCall, ScriptedModel, ScriptedModelOptions } from "./scripted-model.ts";
