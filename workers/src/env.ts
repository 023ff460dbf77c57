/** Env: reads and checks the environment of a process, once, before anything else happens. */
import type { z } from "zod";
import { ALIASES, VARIABLES, type Variable, type VariableName } from "./variables.ts";

/** The checked values of some variables, by name. */
export type Env<N extends VariableName> = { readonly [name in N]: z.output<(typeof VARIABLES)[name]["schema"]> };

/** The environment cannot work. Each problem is one line: the variable, its value, the fix. */
export class EnvError extends Error {
  override readonly name = "EnvError";
  readonly code = "ENV_INVALID";
  readonly problems: readonly string[];

  constructor(...problems: string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/** Read the named variables. Throws `EnvError` with every problem there is, not only the first. */
export function readEnv<N extends VariableName>(
  names: readonly N[],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Env<N> {
  const values: Partial<Record<VariableName, unknown>> = {};
  const problems: string[] = [];
  for (const name of names) {
    const variable: Variable = VARIABLES[name];
    const setName = [name, ...(ALIASES[name] ?? [])].find((one) => (environment[one] ?? "").trim() !== "");
    const value = setName === undefined ? variable.fallback : environment[setName]!.trim();
    if (value === undefined && variable.isRequired) {
      problems.push(`${name} is not set: ${variable.says} For example ${name}=${variable.example}`);
      continue;
    }
    const parsed = variable.schema.safeParse(value);
    if (parsed.success) {
      values[name] = parsed.data;
      continue;
    }
    const shown = variable.isSecret ? `${value?.length} characters` : showValue(value ?? "");
    const fix = `for example ${setName ?? name}=${variable.example}`;
    problems.push(`${setName ?? name} ${parsed.error.issues[0]!.message}, got ${shown}; ${fix}`);
  }
  if (problems.length > 0) throw new EnvError(...problems);
  return values as Env<N>;
}

/** Texts of these variables that no log line may hold: the secrets, and the passwords in URLs. */
export function secretsOf(env: Partial<Record<VariableName, unknown>>): string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    if (typeof value !== "string") return [];
    if ((VARIABLES[name as VariableName] as Variable).isSecret) return [value];
    return passwordsIn(value);
  });
}

function passwordsIn(text: string): string[] {
  return [...text.matchAll(/\/\/([^/@]*)@/g)].flatMap(([, credentials = ""]) => {
    const [user, password = user] = credentials.split(":"); // a NATS token stands where the user does
    return password === undefined || password === "" ? [] : [password, decode(password)];
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray %: then it was not encoded
  }
}

/** A value as it may be shown on a terminal: on one line, cut, and without credentials. */
const showValue = (value: string): string => JSON.stringify(value.replace(/\/\/[^/@]*@/g, "//…@").slice(0, 120));
