/** askHuman: a tool with which the model asks a person. The run waits as `waiting_human_input`, with the question on record. */
import type { Tool } from "@myelin/neuron";
import { z } from "zod";
import { tool } from "./tool.ts";

const question = z.object({
  question: z.string().min(1).describe("What the person is asked."),
  options: z.array(z.string()).optional().describe("Answers to choose from, when there are such."),
});

export interface AskHumanOptions {
  /** For the model: when to ask. Default: when it cannot go on without knowing something only a person can tell. */
  readonly description?: string | undefined;
  readonly maxCallsPerRun?: number | undefined;
}

const NAME = "ask_human";
const DESCRIPTION =
  "Ask a person, and wait for the answer. Use it when you cannot go on without something that only a person can tell.";

/** The tool `ask_human`. The answer comes by `submitInput`. */
export const askHuman = ({ description = DESCRIPTION, maxCallsPerRun }: AskHumanOptions = {}): Tool => ({
  ...tool({ name: NAME, description, input: question, target: "client", maxCallsPerRun }),
  ...{ asksHuman: true },
});

/** Whether calls of a tool are questions to a person. */
export const asksHuman = (one: Tool | undefined): boolean => one !== undefined && "asksHuman" in one;

/** What a call of it asks. */
export function questionOf(params: unknown): { readonly question: string; readonly options?: string[] | undefined } {
  return question.parse(params);
}
