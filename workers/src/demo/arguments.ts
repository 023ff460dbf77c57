/** The arguments of the demo. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { EnvError } from "../env.ts";

export interface DemoArguments {
  /** Given on the command line, else those of questions.json. */
  readonly questions: readonly string[];
  /** End with one JSON object on the last line. */
  readonly isJson: boolean;
  /** Stay until Ctrl-C, and keep the data. */
  readonly isKept: boolean;
}

const USAGE = `usage: npm run demo -- [--json] [--keep] ["question" …]`;

/** Throws `EnvError` with a line for the person who typed it. */
export function parseDemoArguments(args: readonly string[]): DemoArguments {
  const { values, positionals } = parse(args);
  const blank = positionals.find((question) => question.trim() === "");
  if (blank !== undefined)
    throw new EnvError(`a question must have text in it, got ${JSON.stringify(blank)}; ${USAGE}`);
  return {
    questions: positionals.length > 0 ? positionals : readQuestions(),
    isJson: values.json ?? false,
    isKept: values.keep ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { json: { type: "boolean" }, keep: { type: "boolean" } },
    });
  } catch (error) {
    throw new EnvError(`${(error as Error).message.split(". ")[0]}; ${USAGE}`);
  }
}

const readQuestions = (): string[] =>
  JSON.parse(readFileSync(new URL("questions.json", import.meta.url), "utf8")) as string[];
