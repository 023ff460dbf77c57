/** docs/http.md names every route, parameter, body key and problem code, and no other. */
import { describe, expect, test } from "@jest/globals";
import { BODIES, createGateway, loopbackOnly, OPERATIONS } from "@myelin/http";
import { FakeRunStore } from "../helpers/fake-run-store.ts";
import { asSet, readRepository, tableUnder, unionOf } from "../helpers/docs.ts";

const document = readRepository("docs/http.md");
const rows = (pattern: RegExp) => [...document.matchAll(pattern)];

/** Routes that only a router with a Dendrite has. */
const WRITES = Object.values(OPERATIONS)
  .filter((operation) => "isWrite" in operation)
  .map(({ path }) => path);

describe("docs/http.md", () => {
  test("names every route of the gateway, and of the runs", async () => {
    const notHere = () => Promise.reject(new Error("not here"));
    const gateway = createGateway({
      dendrite: { isRunning: true, dispatchAndWait: notHere, stopTrace: notHere },
      synapse: { onStatus: () => ({ [Symbol.dispose]: () => {} }) },
      authorize: loopbackOnly(),
      metrics: () => Promise.resolve({ contentType: "text/plain", body: "" }),
      runs: { store: new FakeRunStore() },
    });
    const { detail } = (await (await gateway(new Request("http://localhost/nowhere"))).json()) as { detail: string };
    const served = /there is (\/.*)$/.exec(detail)![1]!.split(", ");
    const documented = rows(/^\| `(GET|POST|DELETE) (\/[\w/:.-]+)` \|/gm);
    expect(asSet(documented.map(([, , path]) => path!))).toEqual(asSet([...served, ...WRITES]));
    const ofRuns = Object.values(OPERATIONS).map(({ method, path }) => `${method} ${path}`);
    expect(documented.map(([, method, path]) => `${method} ${path}`)).toEqual(expect.arrayContaining(ofRuns));
  });

  test("names every parameter of the run routes", () => {
    const documented = tableUnder(document, "Parameters").map(([name]) => name);
    const known = Object.values(OPERATIONS).flatMap((operation) =>
      Object.keys("query" in operation ? operation.query : {}),
    );
    expect(asSet(documented)).toEqual(asSet(known));
  });

  test("names every key of their bodies", () => {
    const documented = tableUnder(document, "Start and steer").flatMap(([, cell]) =>
      cell!.match(/[a-z]+(_[a-z]+)+|\w+/g)!,
    );
    for (const [name, { shape }] of Object.entries(BODIES)) {
      expect({ name, missing: Object.keys(shape).filter((key) => !documented.includes(key)) }).toEqual({
        name,
        missing: [],
      });
    }
  });

  test("names every code of its problems, beside codes of a dispatch", () => {
    const cells = rows(/^\| (?:\d{3} ?)+\| ([^|]*) \|/gm).map(([, cell]) => cell!);
    const documented = cells.flatMap((cell) => [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, code]) => code!));
    const ours = unionOf("packages/http/src/problem.ts", "HttpProblemCode");
    const passedOn = [
      ...unionOf("packages/dendrite/src/errors.ts", "DendriteErrorCode"),
      ...unionOf("packages/dendrite/src/errors.ts", "AxonErrorCode"),
      ...unionOf("bus/src/protocol/errors.ts", "BusErrorCode"),
      ...unionOf("packages/runs/src/errors.ts", "RunsErrorCode"),
    ];
    expect(documented).toEqual(expect.arrayContaining(ours));
    expect([...ours, ...passedOn]).toEqual(expect.arrayContaining(documented));
  });
});
