/** docs/handlers.md names every handler, each of which is a decorator and a method of Dendrite, and every filter. */
import { describe, expect, test } from "@jest/globals";
import { connectSynapse } from "@myelin/bus";
import * as dendrite from "@myelin/dendrite";
import { asSet, readRepository, tableUnder } from "../helpers/docs.ts";

const document = readRepository("docs/handlers.md");

describe("docs/handlers.md", () => {
  test("lists the handlers: all decorators, all methods, and no others", async () => {
    const listed = /^The methods: `([^`]*)`/m.exec(document)![1]!.split(/\s+/);
    const decorators = Object.keys(dendrite).filter((name) => name.startsWith("on"));
    expect(asSet(listed)).toEqual(asSet(decorators));

    await using synapse = await connectSynapse("memory://");
    const one = new dendrite.Dendrite({ synapse });
    const methods = [...Object.keys(one), ...Object.getOwnPropertyNames(dendrite.Dendrite.prototype)];
    const general = ["onSignal", "onTrace"];
    const handlers = methods.filter((name) => name.startsWith("on") && !general.includes(name));
    expect(asSet(listed)).toEqual(asSet(handlers));
  });

  test("lists the filters", () => {
    const source = readRepository("packages/dendrite/src/handlers.ts");
    const filter = /export interface HandlerFilter \{(.*?)\n\}/s.exec(source)![1]!;
    const names = [...filter.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, name]) => name);
    expect(asSet(tableUnder(document, "Handlers").map(([name]) => name))).toEqual(asSet(names));
  });
});
