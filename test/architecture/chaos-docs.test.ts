/** chaos/README.md lists the scenarios that there are, each with its own sentence. */
import { expect, test } from "@jest/globals";
import { SCENARIOS } from "../../chaos/scenarios/index.ts";
import { readRepository, tableUnder } from "../helpers/docs.ts";

test("the table of chaos/README.md says what each scenario says of itself", () => {
  const documented = tableUnder(readRepository("chaos/README.md"), "Scenarios");
  expect(documented).toEqual(SCENARIOS.map(({ name, about }) => [name, about]));
});
