import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { toStrictSchema, withoutFilledNulls } from "./strict-schema.ts";

const json = (schema: z.ZodType) => ({ ...z.toJSONSchema(schema) });

describe("toStrictSchema", () => {
  test("closes every object and requires every property; what was optional may be null", () => {
    const schema = json(
      z.object({
        name: z.string(),
        note: z.string().optional(),
        nothing: z.string().nullish(),
        stops: z.array(z.object({ at: z.int(), why: z.string().optional() })),
      }),
    );
    expect(toStrictSchema(schema)).toMatchObject({
      isStrict: true,
      schema: {
        required: ["name", "note", "nothing", "stops"],
        additionalProperties: false,
        properties: {
          note: { anyOf: [{ type: "string" }, { type: "null" }] },
          nothing: { type: ["string", "null"] },
          stops: { items: { required: ["at", "why"], additionalProperties: false } },
        },
      },
    });
    expect(JSON.stringify(toStrictSchema(schema))).not.toContain("$schema");
  });

  test("goes into definitions and branches", () => {
    const tree = z.object({
      get children() {
        return z.array(tree);
      },
      label: z.string().default("x"),
    });
    const kind = z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("a"), a: z.string().optional() }),
      z.object({ kind: z.literal("b") }),
    ]);
    const { schema, isStrict } = toStrictSchema(json(z.object({ tree, kind })));
    expect(isStrict).toBe(true);
    const text = JSON.stringify(schema);
    expect(text).not.toContain("oneOf");
    expect(text).not.toContain("default");
    expect(text.split('"additionalProperties":false').length - 1).toBe(4);
  });

  test.each([
    ["any keys", z.object({ map: z.record(z.string(), z.number()) })],
    ["any value", z.object({ value: z.unknown() })],
    ["a tuple", z.object({ pair: z.tuple([z.string(), z.number()]) })],
  ])("%s cannot be said strictly: the schema is sent as it is", (_what, schema) => {
    expect(toStrictSchema(json(schema))).toEqual({ schema: json(schema), isStrict: false });
  });

  test("does not change what it is given", () => {
    const schema = json(z.object({ a: z.string().optional() }));
    const before = structuredClone(schema);
    toStrictSchema(schema);
    expect(schema).toEqual(before);
  });
});

describe("withoutFilledNulls", () => {
  const item = z.object({ kind: z.literal("x"), note: z.string().optional() });
  const schema = z.object({
    name: z.string(),
    note: z.string().optional(),
    nothing: z.string().nullable(),
    perhaps: z.string().nullish(),
    items: z.array(z.discriminatedUnion("kind", [item, z.object({ kind: z.literal("y"), size: z.int().optional() })])),
  });

  test("takes out the nulls that stand for what was left out, and no others", () => {
    const given = {
      ...{ name: "n", note: null, nothing: null, perhaps: null },
      items: [
        { kind: "x", note: null },
        { kind: "y", size: null },
        { kind: "y", size: 2 },
      ],
    };
    const output = withoutFilledNulls(given, json(schema));
    expect(output).toEqual({
      ...{ name: "n", nothing: null, perhaps: null },
      items: [{ kind: "x" }, { kind: "y" }, { kind: "y", size: 2 }],
    });
    expect(schema.safeParse(output).success).toBe(true);
  });

  test.each([undefined, null, "text", 3, [null]])("leaves %j as it is", (value) => {
    expect(withoutFilledNulls(value, json(schema))).toEqual(value);
  });
});
