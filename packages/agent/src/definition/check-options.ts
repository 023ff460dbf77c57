/**
 * Check options: refuses a name that nobody reads, and a word that nobody knows. A misspelt `requireApproval` would let
 * everything run.
 */
import { AgentDefinitionError } from "../errors.ts";

/** The names of a type's members, all of them: the compiler holds the list. */
export type NamesOf<T> = { readonly [K in keyof Required<T>]: true };

/** Throws `AgentDefinitionError` for one that has a value and is not in `known`. */
export function checkNames<T>(what: string, options: object, known: NamesOf<T>): void {
  if (typeof options !== "object" || options === null) {
    throw new AgentDefinitionError(`${what} must be an object with options, got ${String(options)}`);
  }
  const unknown = Object.entries(options).find(([name, value]) => value !== undefined && !(name in known));
  if (unknown === undefined) return;
  const names = Object.keys(known).join(", ");
  throw new AgentDefinitionError(`${what} has no option ${JSON.stringify(unknown[0])}; there are ${names}`);
}

/** Throws `AgentDefinitionError` for a word that is given and is none of these. */
export function checkWord(what: string, word: string | undefined, words: readonly string[]): void {
  if (word === undefined || words.includes(word)) return;
  const known = words.map((one) => JSON.stringify(one)).join(", ");
  throw new AgentDefinitionError(`${what} must be one of ${known}, got ${JSON.stringify(word) ?? String(word)}`);
}
