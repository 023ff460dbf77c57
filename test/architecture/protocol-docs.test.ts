/** docs/protocol.md says what CATALOG says: every type, and for each of them every column. */
import { describe, expect, test } from "@jest/globals";
import { CATALOG, checkSignal, SIGNAL_TYPES } from "@myelin/bus";
import { z } from "zod";
import { readRepository } from "../helpers/docs.ts";

const document = readRepository("docs/protocol.md");

/** The rows of the table of types: `| `TASK` | address | neuron | none | log | `input` … | meaning |`. */
const rows = [...document.matchAll(/^\| `([A-Z_]+)` \|(.*)\|$/gm)].map(([, type, rest]) => {
  const [directed, to, effect, travels, payload, meaning] = rest!.split(" | ").map((cell) => cell.trim());
  const keys = [...payload!.matchAll(/`([a-z_]+\??)`/g)].map(([, key]) => key!);
  return { type: type!, directed, to, effect, travels, keys, meaning };
});

describe("docs/protocol.md", () => {
  test("has a row for every type of the catalog, in its order, and no other", () => {
    expect(rows.map((row) => row.type)).toEqual(SIGNAL_TYPES);
  });

  test("says how many types there are", () => {
    expect(document).toContain(`one envelope, ${SIGNAL_TYPES.length} types`);
  });

  test("shows an envelope that parses", () => {
    const example = /```json\n(.*?)```/s.exec(document)![1]!;
    expect(checkSignal(JSON.parse(example))).toMatchObject({ ok: true });
  });

  test.each(SIGNAL_TYPES)("says of %s what the catalog says", (type) => {
    const { directed, to, effect, travels, payload } = CATALOG[type];
    const row = rows.find((one) => one.type === type);
    expect(row).toMatchObject({ directed, to, effect, travels });
    expect(row?.keys).toEqual(payloadKeys(payload));
    expect(row?.meaning).toMatch(/^[A-Z].*[.?]/);
  });
});

/** Keys of a payload in the order of its schema; `?` marks one that may be absent. */
function payloadKeys(payload: z.ZodType): string[] {
  const { properties = {}, required = [] } = z.toJSONSchema(payload);
  return Object.keys(properties).map((key) => (required.includes(key) ? key : `${key}?`));
}
