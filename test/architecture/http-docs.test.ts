/** docs/http.md names every route of the gateway and every code of its problems, and no other. */
import { describe, expect, test } from "@jest/globals";
import { createGateway, loopbackOnly } from "@myelin/http";
import { readRepository, unionOf } from "../helpers/docs.ts";

const document = readRepository("docs/http.md");
const rows = (pattern: RegExp) => [...document.matchAll(pattern)];

describe("docs/http.md", () => {
  test("names every route of the gateway", async () => {
    const notHere = () => Promise.reject(new Error("not here"));
    const gateway = createGateway({
      dendrite: { isRunning: true, dispatchAndWait: notHere, stopTrace: notHere },
      synapse: { onStatus: () => ({ [Symbol.dispose]: () => {} }) },
      authorize: loopbackOnly(),
      metrics: () => Promise.resolve({ contentType: "text/plain", body: "" }),
    });
    const { detail } = (await (await gateway(new Request("http://localhost/nowhere"))).json()) as { detail: string };
    const served = /there is (\/.*)$/.exec(detail)![1]!.split(", ");
    const documented = rows(/^\| `(?:GET|POST) (\/[\w/:]+)` \|/gm).map(([, path]) => path!);
    expect(documented.sort()).toEqual(served.sort());
  });

  test("names every code of its problems, beside codes of a dispatch", () => {
    const cells = rows(/^\| (?:\d{3} ?)+\| ([^|]*) \|/gm).map(([, cell]) => cell!);
    const documented = cells.flatMap((cell) => [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, code]) => code!));
    const ours = unionOf("packages/http/src/problem.ts", "HttpProblemCode");
    const passedOn = [
      ...unionOf("packages/dendrite/src/errors.ts", "DendriteErrorCode"),
      ...unionOf("packages/dendrite/src/errors.ts", "AxonErrorCode"),
      ...unionOf("bus/src/protocol/errors.ts", "BusErrorCode"),
    ];
    expect(documented).toEqual(expect.arrayContaining(ours));
    expect([...ours, ...passedOn]).toEqual(expect.arrayContaining(documented));
  });
});
