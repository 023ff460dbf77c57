/** Contract schema: a contract's two zod schemas as JSON Schema, or why they cannot be that. */

import { z } from "zod";
import type { NeuronContract } from "./contract.ts";
import { ContractError } from "./errors.ts";
import type { JsonObject } from "./outcomes.ts";

/** Both sides of a contract as JSON Schema, draft 2020-12. */
export interface ContractJsonSchema {
  /** What a caller may send. */
  readonly input: JsonObject;
  /** What a caller gets back. */
  readonly output: JsonObject;
}

/** The JSON Schemas of a contract, for a registration or a document. Throws `ContractError`, as `defineNeuron` does. */
export function toContractJsonSchema(contract: NeuronContract): ContractJsonSchema {
  const { neuronId, input, output } = contract;
  return {
    input: toJsonSchema(`neuron "${neuronId}": input`, input, "input"),
    output: toJsonSchema(`neuron "${neuronId}": output`, output, "output"),
  };
}

function toJsonSchema(where: string, schema: z.ZodType, io: "input" | "output"): JsonObject {
  if (typeof schema !== "object" || schema === null || !("_zod" in schema)) {
    throw new ContractError(`${where} must be a zod 4 schema, got ${schema === null ? "null" : typeof schema}`);
  }
  const refuse = (path: readonly (string | number)[], reason: string): never => {
    throw new ContractError(
      `${where}${toFieldPath(path)}: ${reason}. Use types that JSON has (a date as z.iso.datetime(), a bigint as ` +
        `z.string()) and convert inside the neuron.`,
    );
  };
  const jsonSchema = z.toJSONSchema(schema, {
    io,
    unrepresentable: ({ path, message }) => refuse(path, message),
    override: ({ zodSchema, path }) => {
      // Each side is parsed where it leaves and where it arrives; zod lets these through because one end of them has a
      // JSON Schema.
      if (converts(zodSchema))
        refuse(path, "transforms, codecs and preprocessing cannot be represented in JSON Schema");
    },
  });
  if (!describesObject(jsonSchema, jsonSchema.$defs ?? {})) {
    throw new ContractError(`${where} must be an object schema; wrap it, for example z.object({ value: … })`);
  }
  return { ...jsonSchema };
}

/** A pipe whose two ends are different types: `.transform`, `z.preprocess`, `z.codec`, `z.stringbool`. */
function converts(schema: z.core.$ZodTypes): boolean {
  const { def } = schema._zod;
  if (def.type !== "pipe") return false;
  const ends = [def.in, def.out].map((end) => (end as z.core.$ZodTypes)._zod.def.type);
  return ends.includes("transform") || def.transform !== undefined || def.reverseTransform !== undefined;
}

/** `["properties", "list", "items", "properties", "when"]` as `.list[].when`. */
function toFieldPath(path: readonly (string | number)[]): string {
  let field = "";
  for (let at = 0; at < path.length; at++) {
    if (path[at] === "properties" && at + 1 < path.length) field += `.${String(path[++at])}`;
    else if (path[at] === "items") field += "[]";
  }
  return field;
}

function describesObject(
  schema: z.core.JSONSchema.BaseSchema,
  defs: Record<string, z.core.JSONSchema.BaseSchema>,
): boolean {
  if (schema.type === "object") return true;
  const isObject = (part: z.core.JSONSchema._JSONSchema): boolean =>
    typeof part === "object" && describesObject(part, defs);
  const named = schema.$ref?.startsWith("#/$defs/") ? defs[schema.$ref.slice("#/$defs/".length)] : undefined;
  if (named !== undefined) return describesObject(named, defs);
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices !== undefined) return choices.length > 0 && choices.every(isObject);
  return schema.allOf?.some(isObject) ?? false;
}
