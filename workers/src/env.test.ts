import { describe, expect, test } from "@jest/globals";
import { EnvError, readEnv, secretsOf } from "./env.ts";
import { VARIABLES, type Variable, type VariableName } from "./variables.ts";

const NAMES = Object.keys(VARIABLES) as VariableName[];

function problemsOf(names: readonly VariableName[], environment: Record<string, string>): readonly string[] {
  try {
    readEnv(names, environment);
  } catch (error) {
    if (error instanceof EnvError) return error.problems;
    throw error;
  }
  return [];
}

describe("readEnv", () => {
  test("has a default for everything but the database", () => {
    expect(problemsOf(NAMES, {})).toEqual([
      "DATABASE_URL is not set: Where the recorder records. For example DATABASE_URL=postgresql://myelin@127.0.0.1:5432/myelin",
    ]);
    expect(readEnv(NAMES, { DATABASE_URL: "postgres://db/x" })).toEqual({
      SYNAPSE_URL: "nats://127.0.0.1:4222",
      MYELIN_NAMESPACE: "default",
      MYELIN_NEURON: "worker",
      LOG_LEVEL: "info",
      HOST: "127.0.0.1",
      PORT: 8080,
      DATABASE_URL: "postgres://db/x",
      GATEWAY_DATABASE_URL: "postgres://db/x",
      MYELIN_MIGRATE: false,
      MYELIN_KEEP_LOG_MS: 600_000,
      GATEWAY_MAX_IN_FLIGHT: 1_000,
      MYELIN_CONCURRENCY: 8,
    });
  });

  test.each(NAMES)("every default and example of %s passes its own check, if it is no placeholder", (name) => {
    const { fallback, example }: Variable = VARIABLES[name];
    for (const value of [fallback, example]) {
      if (value === undefined || /[…$]/.test(value)) continue;
      expect(problemsOf([name], { [name]: value })).toEqual([]);
    }
  });

  test.each([
    ["SYNAPSE_URL", "http://x", 'must be a URL that begins with nats:// or tls://, got "http://x"'],
    ["SYNAPSE_URL", "nats://", "must be a URL"],
    ["MYELIN_NAMESPACE", "a b", "must be 1 to 64 of"],
    ["MYELIN_NAMESPACE", "a.b", "must be 1 to 64 of"],
    ["MYELIN_NEURON", "run_1", "must be 1 to 64 of A-Z a-z 0-9 _ -, and may not begin with"],
    ["LOG_LEVEL", "loud", "must be trace, debug, info, warn, error, fatal or silent"],
    ["HOST", "0.0.0.0/0", "must be a host name"],
    ["PORT", "eighty", 'must be a port from 0 to 65535, got "eighty"; for example PORT=8080'],
    ["PORT", "65536", "must be a port from 0 to 65535"],
    ["PORT", "-1", "must be a port"],
    ["PORT", "1e3", "must be a port"],
    ["METRICS_PORT", "off", "must be a port"],
    ["MYELIN_KEEP_LOG_MS", "never", "must be off, or a whole number from 0 to 999999999"],
    ["GATEWAY_TOKEN", "short", "must have at least 16 characters, got 5 characters"],
    ["GATEWAY_TOKEN", "has spaces in the token", "must be printable ASCII without spaces"],
    ["DATABASE_URL", "mysql://x", "must be a URL that begins with postgresql:// or postgres://"],
    ["MYELIN_MIGRATE", "yes", "must be true or false"],
    ["MYELIN_CONCURRENCY", "0", "must be a whole number from 1 to 10000"],
    ["MYELIN_MODEL_URL", "localhost:11434", "must be a URL that begins with http:// or https://"],
    ["OPENAI_API_KEY", "sk-\u00e9", "must be printable ASCII"],
  ] as const)("%s=%j is one line that says the rule, the value and the fix", (name, value, rule) => {
    const problems = problemsOf([name], { [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`${name} ${rule}`);
    expect(problems[0]).toContain(`; for example ${name}=`);
    expect(problems[0]).not.toContain("\n");
  });

  test("says all problems at once", () => {
    expect(problemsOf(["PORT", "HOST", "LOG_LEVEL"], { PORT: "x", HOST: "", LOG_LEVEL: "y" })).toHaveLength(2);
  });

  test("takes a cluster as NATS writes it", () => {
    const cluster = "nats://u:p@a:4222,b:4222";
    expect(readEnv(["SYNAPSE_URL"], { SYNAPSE_URL: cluster })).toEqual({ SYNAPSE_URL: cluster });
  });

  test("an empty value and spaces count as not set", () => {
    expect(readEnv(["PORT", "GATEWAY_TOKEN"], { PORT: "", GATEWAY_TOKEN: "  " })).toEqual({ PORT: 8080 });
  });

  test("NATS_URL is read when SYNAPSE_URL is not set, and named when it is wrong", () => {
    expect(readEnv(["SYNAPSE_URL"], { NATS_URL: "nats://n:1" })).toEqual({ SYNAPSE_URL: "nats://n:1" });
    const both = { NATS_URL: "nats://n:1", SYNAPSE_URL: "nats://s:1" };
    expect(readEnv(["SYNAPSE_URL"], both)).toEqual({ SYNAPSE_URL: "nats://s:1" });
    expect(problemsOf(["SYNAPSE_URL"], { NATS_URL: "x" })[0]).toMatch(/^NATS_URL must be/);
  });

  test("shows neither a secret nor the password in a URL", () => {
    const wrong = { GATEWAY_TOKEN: "geheim", DATABASE_URL: "mysql://me:geheim@db/x", OPENAI_API_KEY: "geheim é" };
    const problems = problemsOf(["GATEWAY_TOKEN", "DATABASE_URL", "OPENAI_API_KEY"], wrong);
    expect(problems).toHaveLength(3);
    expect(problems.join()).not.toContain("geheim");
  });

  test("a value with line breaks stays on one line", () => {
    expect(problemsOf(["HOST"], { HOST: "a\nb" })[0]).not.toContain("\n");
  });
});

test("secretsOf gives secrets, passwords and tokens in URLs, plain and decoded, and nothing else", () => {
  const secrets = secretsOf({
    GATEWAY_TOKEN: "0123456789abcdef",
    SYNAPSE_URL: "nats://bus-token@a:4222,nats://u:p%40ss@b:4222",
    DATABASE_URL: "postgresql://postgres@db/x",
    MYELIN_NAMESPACE: "default",
    PORT: 8080,
  });
  expect(new Set(secrets)).toEqual(new Set(["0123456789abcdef", "bus-token", "p%40ss", "p@ss", "postgres"]));
});
