/** parseBody: a JSON body against its schema; whoever sent it is told in its own words what is wrong, and where. */
import type { z } from "zod";
import { HttpProblem } from "./problem.ts";

/** Enough to mend the body by; a body of a thousand unknown keys is not repeated to its sender. */
const MAX_ERRORS = 8;
const MAX_SHOWN = 80;

/** Throws `HttpProblem` 400 `BAD_BODY`. Strict schemas refuse unknown keys, because a misspelt one would be ignored in silence. */
export function parseBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const parsed = schema.safeParse(body, { error: must });
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.flatMap(toErrors(body)).slice(0, MAX_ERRORS);
  const detail = errors.map(({ path, message }) => (path === "" ? `the body ${message}` : `${path} ${message}`));
  throw new HttpProblem({ status: 400, code: "BAD_BODY", detail: detail.join("; "), members: { errors } });
}

/** What a value must be, where its schema does not say so itself. */
const must: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case "invalid_type":
      return `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be ${issue.values.join(", ").replace(/, ([^,]*)$/, " or $1")}`;
    case "too_small": {
      if (issue.origin === "string") return "must be text that is not empty";
      if (issue.origin === "array") return `must have at least ${issue.minimum}`;
      return `must be ${issue.inclusive === false ? "above" : "at least"} ${issue.minimum}`;
    }
    case "too_big": {
      if (issue.origin === "string") return `must have at most ${issue.maximum} characters`;
      return `must be ${issue.inclusive === false ? "below" : "at most"} ${issue.maximum}`;
    }
    default:
      return undefined;
  }
};
const KINDS: { readonly [expected: string]: string } = {
  string: "text",
  int: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

const toErrors =
  (body: unknown) =>
  (issue: z.core.$ZodIssue): { path: string; message: string }[] => {
    const path = issue.path.join(".");
    if (issue.code === "unrecognized_keys") {
      const prefix = path === "" ? "" : `${path}.`;
      return issue.keys.map((key) => ({ path: `${prefix}${key}`.slice(0, MAX_SHOWN), message: issue.message }));
    }
    const got = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], body);
    return [{ path, message: `${issue.message}, got ${show(got)}` }];
  };

/** A value as its sender may see it again. */
export function show(value: unknown): string {
  if (value === undefined) return "none";
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch {
    return "a value nested too deeply to show"; // JSON.parse takes what JSON.stringify has no stack for
  }
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
