/** The input of a TASK as its neuron gets it. */
import type { SignalOf } from "@myelin/bus";
import { parseInput } from "../validate.ts";
import type { Axon } from "./axon.ts";

/** Keys that an answer adds to the input, as Cosmonapse does; a schema sees the input without them. */
const ANSWER_KEYS = ["clarification", "permission", "escalation"];

/** Throws `InputValidationError` when it does not fit the schema of the Axon. */
export function inputOf(axon: Axon, task: SignalOf<"TASK">): unknown {
  const { input, answers } = task.payload;
  if (axon.input === null) return input;
  const entries = Object.entries(input).filter(([key]) => answers === undefined || !ANSWER_KEYS.includes(key));
  return parseInput(axon.neuronId, axon.input, Object.fromEntries(entries));
}
