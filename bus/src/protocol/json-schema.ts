/** The protocol as JSON Schema, for peers in other languages and for editors. */
import { z } from "zod";
import { CATALOG, SIGNAL_TYPES, type SignalType } from "./catalog.ts";

export type JsonSchema = Record<string, unknown>;

const id = (prefix: string) => z.string().regex(new RegExp(`^${prefix}_[A-Za-z0-9_-]{1,60}$`));
const directed = z.looseObject({
  id: z.string().nullable(),
  type: z.string().nullable(),
  capabilities: z.array(z.string()),
});

/** The JSON Schema (draft 2020-12) of one Signal type, envelope included. */
export function signalJsonSchema(type: SignalType): JsonSchema {
  const definition = CATALOG[type];
  const producer = directed.extend({ id: z.string().min(1) });
  const schema = z.looseObject({
    v: z.literal("1"),
    id: id("evt"),
    trace_id: id("trc"),
    parent_id: id("evt").nullable(),
    type: z.literal(type),
    directed: { producer, address: directed, none: directed.nullable() }[definition.directed],
    ts: z.iso.datetime({ offset: true }),
    payload: definition.payload,
    meta: z.looseObject({}),
  });
  return z.toJSONSchema(schema);
}

/** One schema that accepts any Signal: `oneOf` over the types. */
export function protocolJsonSchema(): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Myelin Signal",
    oneOf: SIGNAL_TYPES.map((type) => {
      const { $schema: _, ...schema } = signalJsonSchema(type);
      return schema;
    }),
  };
}
