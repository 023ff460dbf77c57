/** docker-compose.yml, Dockerfile and .env.example against the code: processes, variables, ports, names, paths. */
import { describe, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { findNatsServer } from "@myelin/dev";
import { parse } from "yaml";
import { readEnv } from "./env.ts";
import { VARIABLES, type Variable, type VariableName } from "./variables.ts";

interface Service {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string | number>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly deploy?: { readonly replicas: number };
  readonly healthcheck: { readonly test: readonly string[] };
}

const ROOT = path.resolve(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(path.join(ROOT, file), "utf8");

const compose = read("docker-compose.yml");
const { services, volumes } = parse(compose, { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
};
const ours = Object.entries(services).filter(([, service]) => service.build !== undefined);
/** What somebody who follows .env.example has set. */
const SET = { POSTGRES_PASSWORD: "0123456789abcdef", GATEWAY_TOKEN: "0123456789abcdef0123456789abcdef" };

describe("docker-compose.yml", () => {
  test("starts the servers, the recorder, two workers and the gateway", () => {
    expect(Object.keys(services).sort()).toEqual(["agent", "gateway", "nats", "postgres", "recorder"]);
    expect(services["agent"]?.deploy?.replicas).toBe(2);
  });

  test.each(ours)("%s runs a process that the build makes", (name, { command }) => {
    expect(command).toEqual(["node", `workers/dist/src/${name}/main.js`]);
    expect(existsSync(path.join(ROOT, mainOf(name)))).toBe(true);
  });

  test.each(ours)("%s is given variables that it reads, with values that it takes", (name, { environment }) => {
    const names = variablesOf(name);
    expect(Object.keys(environment).filter((variable) => !names.includes(variable as VariableName))).toEqual([]);
    expect(() => readEnv(names, resolved(environment))).not.toThrow();
  });

  test.each(ours)("%s is given everything that has no default", (name, { environment }) => {
    const required = variablesOf(name).filter((variable) => (VARIABLES[variable] as Variable).isRequired);
    expect(required.filter((variable) => !(variable in environment))).toEqual([]);
  });

  test("URLs name services and the ports they listen on", () => {
    expect(/^listen: "127\.0\.0\.1:(\d+)"/m.exec(read("bus/nats-server.conf"))?.[1]).toBe("4222");
    for (const [, { environment }] of ours) {
      const env = resolved(environment);
      expect(env["SYNAPSE_URL"]).toBe("nats://nats:4222");
      if (env["DATABASE_URL"] === undefined) continue;
      const { hostname, port, username, password, pathname } = new URL(env["DATABASE_URL"]);
      const { POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD } = resolved(services["postgres"]!.environment);
      expect([hostname, port]).toEqual(["postgres", "5432"]);
      expect([username, password, pathname]).toEqual([POSTGRES_USER, POSTGRES_PASSWORD, `/${POSTGRES_DB}`]);
    }
  });

  test("ports are published on loopback only, and lead to what listens there", () => {
    const published = Object.entries(services).map(([name, { ports = [] }]) => [name, ...ports]);
    expect(Object.fromEntries(published.map(([name, ...ports]) => [name, ports]))).toEqual({
      nats: ["127.0.0.1:4222:4222"],
      postgres: ["127.0.0.1:5432:5432"],
      gateway: [`127.0.0.1:8080:${services["gateway"]!.environment["PORT"]}`],
      recorder: [],
      agent: [],
    });
  });

  test.each(ours)("%s is healthy when a route of it answers", (name, { environment, healthcheck }) => {
    const [, , port, route] = /(http:\/\/127\.0\.0\.1):(\d+)(\/\w+)/.exec(healthcheck.test.join(" ")) ?? [];
    expect(port).toBe(environment[name === "gateway" ? "PORT" : "METRICS_PORT"]);
    const source = name === "gateway" ? "packages/http/src/gateway.ts" : "workers/src/metrics/metrics-server.ts";
    expect(read(source)).toContain(`"${route}"`);
  });

  test("whoever needs a server waits until it is healthy", () => {
    for (const [name, { environment, depends_on }] of ours) {
      const needed = ["nats", ...("DATABASE_URL" in environment ? ["postgres"] : [])];
      const waits = Object.entries(depends_on ?? {}).map(([other, { condition }]) => `${other} ${condition}`);
      expect([name, ...waits]).toEqual([name, ...needed.map((other) => `${other} service_healthy`)]);
    }
  });

  test("no secret stands in it", () => {
    const secrets = ["POSTGRES_PASSWORD", ...Object.keys(VARIABLES).filter((name) => isSecret(name))];
    const given = Object.values(services).flatMap(({ environment }) => Object.entries(environment));
    const values = given.filter(([name]) => secrets.includes(name)).map(([, value]) => String(value));
    expect(values.length).toBeGreaterThan(4);
    // Asked for, or empty when it is not set.
    expect(values.filter((value) => !/^\$\{[A-Z_]+:(\?[^}]+|-)\}$/.test(value))).toEqual([]);
    expect(compose).not.toMatch(/:\/\/\w+:(?!\$\{POSTGRES_PASSWORD)[^@\s]+@/);
  });

  test(".env.example names every variable that the file takes, with the same default, and no others", () => {
    const taken = [...compose.matchAll(/\$\{([A-Z_]+):([-?])([^}]*)\}/g)].map(
      ([, name, kind, rest]) => `${name}=${kind === "-" ? rest : ""}`,
    );
    const named = [...read(".env.example").matchAll(/^([A-Z_]+=.*)$/gm)].map(([, line]) => line);
    expect(named.sort()).toEqual([...new Set(taken)].sort());
  });

  test("every file that is mounted is there, and every volume is declared", () => {
    const mounts = Object.values(services).flatMap(({ volumes: mounted = [] }) =>
      mounted.map((one) => one.split(":")[0]!),
    );
    const [files, named] = [mounts.filter((one) => one.startsWith(".")), mounts.filter((one) => !one.startsWith("."))];
    expect(files.filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
    expect(named.sort()).toEqual(Object.keys(volumes).sort());
  });

  test("nats-server takes its arguments", async () => {
    const home = mkdtempSync(path.join(tmpdir(), "myelin-compose-"));
    try {
      const args = services["nats"]!.command!.map((arg) =>
        arg.replace("/etc/nats/nats-server.conf", path.join(ROOT, "bus/nats-server.conf")).replace("/data", home),
      );
      const { path: file } = await findNatsServer();
      // Its exit code is 0 also for a flag that it does not know.
      expect(spawnSync(file, [...args, "-t"], { encoding: "utf8" }).stderr).toContain("is valid");
    } finally {
      rmSync(home, { recursive: true });
    }
  });
});

describe("Dockerfile", () => {
  const dockerfile = read("Dockerfile");

  test("copies every package.json before it installs", () => {
    const before = dockerfile.slice(0, dockerfile.indexOf("RUN npm install"));
    const folders = ["bus", ...readdirSync(path.join(ROOT, "packages")).map((name) => `packages/${name}`), "workers"];
    for (const folder of folders) expect(before).toContain(`COPY ${folder}/package.json ${folder}/\n`);
  });

  test("copies nothing that is not there, or is ignored", () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files]) => files!.split(" "));
    expect(copied.filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
    const ignored = read(".dockerignore").split("\n");
    for (const secret of [".env", ".git", "**/node_modules", "**/dist", ".myelin"]) expect(ignored).toContain(secret);
    const needed = [...copied, "bus", "docs", "packages", "prisma", "scripts", "tsconfig.json", "workers", "LICENSE"];
    expect(needed.filter((file) => ignored.includes(file))).toEqual([]);
  });

  test("runs as nobody in particular, on a Node that we support", () => {
    expect(dockerfile).toMatch(/^USER node$/m);
    const versions = [...dockerfile.matchAll(/^FROM node:(\d+)-slim/gm)].map(([, version]) => Number(version));
    expect(versions).toEqual([22, 22]);
  });

  test("starts a process of ours by default", () => {
    const [, process] = /^CMD \["node", "workers\/dist\/src\/(\w+)\/main\.js"\]$/m.exec(dockerfile) ?? [];
    expect(existsSync(path.join(ROOT, mainOf(process!)))).toBe(true);
  });
});

function mainOf(name: string): string {
  return `workers/src/${name}/main.ts`;
}

/** The variables that a process reads: every name of ours in the files of its folder, and those it shares with the others. */
function variablesOf(name: string): VariableName[] {
  const folder = path.join(ROOT, "workers/src", name);
  const own = readdirSync(folder)
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .map((file) => readFileSync(path.join(folder, file), "utf8"))
    .join("\n");
  const text = own.includes("...SYNAPSE_VARIABLES") ? own + read("workers/src/connect.ts") : own;
  const names = Object.keys(VARIABLES) as VariableName[];
  return names.filter((one) => one === "LOG_LEVEL" || text.includes(`"${one}"`));
}

function isSecret(name: string): boolean {
  return (VARIABLES[name as VariableName] as Variable).isSecret === true;
}

/** An environment as compose hands it over: `${X:-default}` and `${X:?message}` replaced. */
function resolved(environment: Service["environment"]): Record<string, string> {
  const given: Readonly<Record<string, string | undefined>> = SET;
  const replace = (value: string) =>
    value.replace(/\$\{([A-Z_]+):([-?])([^}]*)\}/g, (_, name: string, kind: string, rest: string) => {
      if (given[name] === undefined && kind === "?")
        throw new Error(`${name} is required and not in .env.example's first part`);
      return given[name] ?? rest;
    });
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, replace(String(value))]));
}
