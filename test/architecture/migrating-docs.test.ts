/** The guides for who comes from elsewhere name only what is there: every name in a column "Myelin" exists. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { SIGNAL_TYPES } from "@myelin/bus";
import { ANSWERS, BODIES, OPERATIONS } from "@myelin/http";
import { RUN_EVENT_DATA, RUN_EVENT_TYPES, RUN_STATUSES } from "@myelin/bus/run-events";
import { z } from "zod";
import { readRepository, unionOf } from "../helpers/docs.ts";
import { PublicNames } from "../helpers/public-names.ts";

const GUIDES = ["docs/migrating-from-dendrux.md", "docs/migrating-from-cosmonapse.md"];

type AnswerName = keyof typeof ANSWERS;
/** What the bodies of a route hold, sent and answered, at any depth. */
const KEYS_OF_ROUTES: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.values(OPERATIONS).map((operation) => {
    const answers = Object.values<AnswerName | readonly AnswerName[] | "event-stream" | null>(operation.answers).flat();
    const names = answers.flatMap((name) => (name === null ? [] : [name === "event-stream" ? "Event" : name]));
    const schemas: z.ZodType[] = names.map((name) => ANSWERS[name]);
    if ("body" in operation) schemas.push(BODIES[operation.body.schema]);
    const route = `${operation.method} ${operation.path.replaceAll(/:(\w+)/g, "{$1}")}`;
    return [route, new Set(schemas.flatMap((schema) => propertiesOf(z.toJSONSchema(schema, { io: "input" }))))];
  }),
);

/** Words of the wire, routes, and columns of the tables, which are no names of TypeScript. */
const WORDS: ReadonlySet<string> = new Set<string>([
  ...SIGNAL_TYPES,
  ...RUN_EVENT_TYPES,
  ...RUN_STATUSES,
  ...unionOf("packages/neuron/src/errors.ts", "NeuronFailureCode"),
  ...unionOf("packages/dendrite/src/errors.ts", "AxonErrorCode"),
  ...KEYS_OF_ROUTES.keys(),
  ...columnsOf(readRepository("prisma/schema.prisma")),
]);

/** In a text beside the tables: what is written as a path of ours, or as a call of one word. */
const OURS = /^((dendrite|store|ctx|synapse)\.|runInProcess\()/;

let publicNames: PublicNames;
beforeAll(() => {
  publicNames = new PublicNames();
}); // the compiler reads every package from its sources

describe.each(GUIDES)("%s", (guide) => {
  const rows = rowsOf(readRepository(guide));

  const named = rows.flatMap(({ line, members, cell, row }) =>
    codesIn(cell).map((code) => ({ line, members, code, row })),
  );
  const names = named.filter(({ code }) => !WORDS.has(code));

  test("names under Myelin only what exists", () => {
    expect(names.length).toBeGreaterThan(50);
    const problems = names.flatMap(({ line, code, members }) => {
      const found = publicNames.find(code, members);
      return "problem" in found ? [`line ${line}: ${code}: ${found.problem}`] : [];
    });
    expect(problems).toEqual([]);
  });

  test("calls in its text only what exists", () => {
    const said = codesIn(proseOf(readRepository(guide))).filter((code) => OURS.test(code));
    expect(said).not.toEqual([]);
    expect(said.filter((code) => "problem" in publicNames.find(code, []))).toEqual([]);
  });

  test("says in the row which package a name is from, unless it is myelin", () => {
    const silent = names.flatMap(({ line, code, members, row }) => {
      const found = publicNames.find(code, members);
      if (!("door" in found) || found.door === "myelin" || row.includes(`\`${found.door}\``)) return [];
      return [`line ${line}: ${code} is from ${found.door}`];
    });
    expect(silent).toEqual([]);
  });

  test("names as keys of a route's bodies only what they hold", () => {
    const problems = rows.flatMap(({ line, cell, keys }) =>
      codesIn(cell).flatMap((route) => {
        const wrong = codesIn(keys).filter((key) => /^[a-z_]+$/.test(key) && !KEYS_OF_ROUTES.get(route)!.has(key));
        return wrong.map((key) => `line ${line}: the bodies of ${route} have no ${key}`);
      }),
    );
    expect(problems).toEqual([]);
  });

  test("names as data of an event only what it holds", () => {
    const problems = rows.flatMap(({ line, cell, data }) => {
      const [type] = codesIn(cell);
      const schema = RUN_EVENT_DATA[type as keyof typeof RUN_EVENT_DATA] as { shape: object } | undefined;
      if (!schema) return [];
      const keys = codesIn(data).filter((key) => /^[a-z_]+$/.test(key));
      return keys.filter((key) => !(key in schema.shape)).map((key) => `line ${line}: ${type} has no ${key}`);
    });
    expect(problems).toEqual([]);
  });
});

interface Row {
  readonly line: number;
  /** Types whose members the table is about, as `<!-- members of: A, B -->` before it says. */
  readonly members: readonly string[];
  readonly row: string;
  /** The cell under "Myelin". */
  readonly cell: string;
  /** The cell under "data"; empty in tables without one. */
  readonly data: string;
  /** The cell under "keys"; empty in tables without one. */
  readonly keys: string;
}

/** The rows of every table that has a column "Myelin". */
function rowsOf(document: string): Row[] {
  const found: Row[] = [];
  let members: readonly string[] = [];
  let head: readonly string[] | null = null;
  document.split("\n").forEach((row, at) => {
    const marked = /^<!-- members of: (.*) -->$/.exec(row)?.[1];
    if (marked !== undefined) members = marked.split(", ");
    if (row.startsWith("#")) members = [];
    if (!row.startsWith("|")) return void (head = null);
    const cells = row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (head === null) return void (head = cells);
    const [column, data, keys] = [head.indexOf("Myelin"), head.indexOf("`data`"), head.indexOf("keys")];
    if (column < 0 || /^-+$/.test(cells[0]!)) return;
    found.push({
      line: at + 1,
      members,
      row,
      cell: cells[column] ?? "",
      data: cells[data] ?? "",
      keys: cells[keys] ?? "",
    });
  });
  return found;
}

/** What is neither a table nor code. */
function proseOf(document: string): string {
  const lines = document.replaceAll(/^```.*?^```$/gms, "").split("\n");
  return lines.filter((line) => !line.startsWith("|")).join("\n");
}

function codesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
}

/** `runs`, `runs.run_id`, … of the tables, by the names they have in Postgres. */
function columnsOf(schema: string): string[] {
  return [...schema.matchAll(/^model \w+ \{(.*?)^\}/gms)].flatMap(([, body]) => {
    const table = /^ {2}@@map\("(\w+)"\)/m.exec(body!)![1]!;
    const fields = [...body!.matchAll(/^ {2}(\w+) +\S+(.*)$/gm)];
    return [table, ...fields.map(([, field, rest]) => `${table}.${/@map\("(\w+)"\)/.exec(rest!)?.[1] ?? field!}`)];
  });
}

/** Names of properties in a JSON Schema, at any depth. */
function propertiesOf(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([name, inner]) => [
    ...(name === "properties" ? Object.keys(inner as object) : []),
    ...propertiesOf(inner),
  ]);
}
