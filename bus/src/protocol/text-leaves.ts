/** The texts of a JSON value: to look through them all, and to put others in their place. */

/** One text of a JSON value, with the property it stands in. Names of properties are texts too, of no property. */
export interface TextLeaf {
  readonly text: string;
  readonly key: string | null;
}

/** Deeper than this a value is not looked into: what cannot be checked is replaced by `TOO_DEEP`. */
export const MAX_JSON_DEPTH = 64;
const TOO_DEEP = "[nested too deeply]";

/**
 * Every text in order: strings, names of properties, and numbers as they are written. Items of a list stand in the
 * property of their list.
 */
export function textLeaves(value: unknown): TextLeaf[] {
  const leaves: TextLeaf[] = [];
  rebuild(value, null, 0, {
    text: (text, key) => (leaves.push({ text, key }), text),
    tooDeep: () => TOO_DEEP,
  });
  return leaves;
}

/** The same value with other texts, given in the order of `textLeaves`. A number whose text changes becomes a string. */
export function withTexts(value: unknown, texts: readonly string[]): unknown {
  let at = 0;
  return rebuild(value, null, 0, { text: (text) => texts[at++] ?? text, tooDeep: () => TOO_DEEP });
}

/** The same value with every string and every name of a property mapped. Numbers stay, and so does what is too deep. */
export function mapTexts(value: unknown, map: (text: string) => string): unknown {
  return rebuild(value, null, 0, {
    text: (text, _key, isNumber) => (isNumber ? text : map(text)),
    tooDeep: (inner) => inner,
  });
}

interface Visit {
  text(text: string, key: string | null, isNumber: boolean): string;
  tooDeep(value: unknown): unknown;
}

function rebuild(value: unknown, key: string | null, depth: number, visit: Visit): unknown {
  if (typeof value === "string") return visit.text(value, key, false);
  if (typeof value === "number") {
    const text = String(value);
    const replaced = visit.text(text, key, true);
    return replaced === text ? value : replaced;
  }
  if (typeof value !== "object" || value === null) return value;
  if (depth >= MAX_JSON_DEPTH) return visit.tooDeep(value);
  if (Array.isArray(value)) return value.map((item) => rebuild(item, key, depth + 1, visit));
  const pairs = Object.entries(value).map(([name, inner]) => [
    visit.text(name, null, false),
    rebuild(inner, name, depth + 1, visit),
  ]);
  // `fromEntries` defines properties, so that one named `__proto__` stays a property.
  return Object.fromEntries(pairs) as unknown;
}
