/** @myelin/neuron/testing: what tests of agents and neurons need in place of a vendor. Needs no test runner. */
export { scriptedModel } from "./scripted-model.ts";
export type { ScriptedAnswer, ScriptedCall, ScriptedModel, ScriptedModelOptions } from "./scripted-model.ts";
export { ANSWERS } from "./scenarios.ts";
export type { Accident, ScenarioAnswer, ScenarioPart, ScenarioUsage } from "./scenarios.ts";
