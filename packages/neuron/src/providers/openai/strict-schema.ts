/**
 * Strict schema: a JSON Schema in the form OpenAI's strict mode takes: closed objects, every property required. One that was
 * optional may be null instead, and is taken out of the answer again.
 * https://developers.openai.com/api/docs/guides/structured-outputs#supported-schemas
 */

import type { JsonObject } from "../../outcomes.ts";
import { isObject } from "../tool-arguments.ts";

/** `isStrict` is false for what strict mode cannot say, such as objects with any keys: the server then only tries. */
export function toStrictSchema(schema: JsonObject): { readonly schema: JsonObject; readonly isStrict: boolean } {
  const isStrict = canBeStrict(schema);
  return { schema: isStrict ? (close(schema) as JsonObject) : schema, isStrict };
}

/** Without the nulls that stand for properties left out. */
export function withoutFilledNulls(value: unknown, schema: JsonObject): unknown {
  return strip(value, schema, schema, 0);
}

const UNSAYABLE = ["allOf", "not", "if", "patternProperties", "propertyNames", "prefixItems", "dependentSchemas"];

function canBeStrict(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.every(canBeStrict);
  if (!isObject(schema)) return true;
  if (UNSAYABLE.some((word) => word in schema)) return false;
  const open = schema["additionalProperties"];
  if (schema["type"] === "object" && (open === true || isObject(open))) return false;
  // A schema that allows anything: `z.unknown()`.
  const hasForm = ["type", "anyOf", "oneOf", "enum", "const", "$ref"].some((word) => word in schema);
  return hasForm && children(schema).every(canBeStrict);
}

function children(schema: JsonObject): unknown[] {
  const maps = [schema["properties"], schema["$defs"], schema["definitions"]].filter(isObject);
  const lists = [schema["anyOf"], schema["oneOf"], schema["items"]].filter((part) => part !== undefined);
  return [...maps.flatMap((map) => Object.values(map)), ...lists];
}

function close(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(close);
  if (!isObject(schema)) return schema;
  const { $schema: _dialect, default: _default, oneOf, ...rest } = schema;
  const closed: JsonObject = { ...rest };
  // Branches that exclude each other are branches all the same.
  if (oneOf !== undefined) closed["anyOf"] = close(oneOf);
  for (const word of ["anyOf", "items"]) if (word in rest) closed[word] = close(rest[word]);
  for (const word of ["$defs", "definitions"]) {
    const defs = rest[word];
    if (isObject(defs)) closed[word] = mapValues(defs, close);
  }
  if (schema["type"] !== "object") return closed;
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  closed["properties"] = mapValues(properties, (property, name) =>
    isRequired(schema, name) ? close(property) : orNull(close(property)),
  );
  return { ...closed, required: Object.keys(properties), additionalProperties: false };
}

function orNull(schema: unknown): unknown {
  return isObject(schema) && takesNull(schema) ? schema : { anyOf: [schema, { type: "null" }] };
}

function takesNull(schema: JsonObject): boolean {
  const { type, anyOf, oneOf } = schema;
  if (type === "null" || (Array.isArray(type) && type.includes("null"))) return true;
  return [anyOf, oneOf].some((list) => Array.isArray(list) && list.some((part) => isObject(part) && takesNull(part)));
}

function isRequired(schema: JsonObject, name: string): boolean {
  return Array.isArray(schema["required"]) && schema["required"].includes(name);
}

/** As deep as a schema is followed: one that refers to itself has no end. */
const DEEPEST = 32;

function strip(value: unknown, schema: unknown, root: JsonObject, depth: number): unknown {
  const known = deref(schema, root);
  if (known === null || depth > DEEPEST) return value;
  if (Array.isArray(value)) return value.map((item) => strip(item, known["items"], root, depth + 1));
  if (!isObject(value)) return value;
  const properties = propertiesOf(known, value, root);
  if (properties === null) return value;
  const kept = Object.entries(value).filter(([name, field]) => {
    const property = deref(properties.schema[name], root);
    return !(field === null && property !== null && !takesNull(property) && !isRequired(properties.owner, name));
  });
  return Object.fromEntries(
    kept.map(([name, field]) => [name, strip(field, properties.schema[name], root, depth + 1)]),
  );
}

/** The properties of the object schema that `value` is of: the first branch that knows all of its keys. */
function propertiesOf(
  schema: JsonObject,
  value: JsonObject,
  root: JsonObject,
): { readonly owner: JsonObject; readonly schema: JsonObject } | null {
  const { properties, anyOf, oneOf } = schema;
  if (isObject(properties)) return { owner: schema, schema: properties };
  const branches = [anyOf, oneOf].flatMap((list): unknown[] => (Array.isArray(list) ? list : []));
  for (const branch of branches) {
    const known = deref(branch, root);
    const found = known === null ? null : propertiesOf(known, value, root);
    if (found !== null && Object.keys(value).every((name) => name in found.schema)) return found;
  }
  return null;
}

function deref(schema: unknown, root: JsonObject): JsonObject | null {
  if (!isObject(schema)) return null;
  const ref = schema["$ref"];
  if (typeof ref !== "string") return schema;
  const path = ref.replace(/^#\/?/, "").split("/").filter(Boolean);
  const target = path.reduce<unknown>((at, step) => (isObject(at) ? at[step] : undefined), root);
  return isObject(target) ? target : null;
}

function mapValues(map: JsonObject, change: (value: unknown, name: string) => unknown): JsonObject {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, change(value, name)]));
}
