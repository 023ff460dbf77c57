/** docs/runs.md says what schema and code say: tables, statuses, methods, filters, error codes. */
import { describe, expect, test } from "@jest/globals";
import { RUN_STATUSES } from "@myelin/bus/run-events";
import { RunQueries, RunStore } from "@myelin/runs";
import { asSet, readRepository, tableUnder, unionOf } from "../helpers/docs.ts";

const document = readRepository("docs/runs.md");
const firstColumn = (heading: string) => tableUnder(document, heading).map(([name]) => name!);

describe("docs/runs.md", () => {
  test("names every table", () => {
    const tables = [...readRepository("prisma/schema.prisma").matchAll(/@@map\("(\w+)"\)/g)].map(([, name]) => name);
    expect(asSet(firstColumn("Tables"))).toEqual(asSet(tables));
  });

  test("names every status", () => {
    expect(asSet(firstColumn("Statuses"))).toEqual(asSet(RUN_STATUSES));
  });

  test("names every method of RunStore", () => {
    const statics = Object.getOwnPropertyNames(RunStore).filter((name) => name.startsWith("from"));
    const methods = [RunStore, RunQueries]
      .flatMap((one) => Object.getOwnPropertyNames(one.prototype))
      .filter((name) => name !== "constructor");
    const documented = firstColumn("Read them: RunStore").map((cell) => cell.split("(")[0]);
    expect(asSet(documented)).toEqual(asSet([...statics, ...methods]));
  });

  test("names every filter", () => {
    const source = readRepository("packages/runs/src/store/run-filter.ts");
    const filters = /export interface RunFilter \{(.*?)\n\}/s.exec(source)![1]!;
    const names = [...filters.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name);
    expect(asSet(firstColumn("Filters"))).toEqual(asSet(names));
  });

  test("names every record and its fields", () => {
    const views = readRepository("packages/runs/src/store/views.ts");
    const records = [...views.matchAll(/^export interface (\w+)(?: extends (\w+))? \{\n(.*?)\n\}/gms)].map(
      ([, name, base = "", body]) => [
        name,
        base,
        ...[...body!.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field]) => field),
      ],
    );
    const documented = tableUnder(document, "Records").map(([name, base, fields]) => [
      name,
      base,
      ...fields!.split(", "),
    ]);
    const plain = (rows: unknown[][]) => rows.map((row) => row.join(" ").replaceAll("`", "")).sort();
    expect(plain(documented)).toEqual(plain(records));
  });

  test("names every error code", () => {
    expect(asSet(firstColumn("Errors"))).toEqual(asSet(unionOf("packages/runs/src/errors.ts", "RunsErrorCode")));
  });
});
