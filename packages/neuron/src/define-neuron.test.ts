import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { toContractJsonSchema } from "./contract-schema.ts";
import { defineNeuron } from "./define-neuron.ts";
import { ContractError } from "./errors.ts";

const empty = z.object({});

/** Defines a neuron with `input`, or `output`, and returns the error's message. */
function refusal(schemas: { input?: z.ZodType; output?: z.ZodType }): string {
  try {
    defineNeuron({ neuronId: "n", input: empty, output: empty, ...schemas });
  } catch (error) {
    if (error instanceof ContractError) return error.message;
    throw error;
  }
  return "accepted";
}

describe("defineNeuron", () => {
  const input = z.object({ text: z.string() });
  const output = z.object({ summary: z.string() });

  test("returns frozen plain data that can be spread", () => {
    const contract = defineNeuron({ neuronId: "summarize", capabilities: ["text"], input, output });
    expect({ ...contract }).toEqual({ neuronId: "summarize", capabilities: ["text"], input, output });
    expect(Object.isFrozen(contract) && Object.isFrozen(contract.capabilities)).toBe(true);
    expect(contract.input).toBe(input);
  });

  test("keeps version and description, has no capabilities by default, and drops double ones", () => {
    const described = defineNeuron({ neuronId: "n", input, output, version: "2", description: "Sums up." });
    expect(described).toMatchObject({ version: "2", description: "Sums up.", capabilities: [] });
    expect(defineNeuron({ neuronId: "n", capabilities: ["a", "b", "a"], input, output }).capabilities).toEqual([
      "a",
      "b",
    ]);
  });

  test.each(["", "a b", "a.b", "ü", "x".repeat(65), "dnd_1", "run_1", "_", "_a", 7, undefined])(
    "refuses the neuron id %p with the value",
    (neuronId) => {
      const define = () => defineNeuron({ neuronId: neuronId as string, input, output });
      expect(define).toThrow(ContractError);
      expect(define).toThrow(typeof neuronId === "string" ? JSON.stringify(neuronId) : typeof neuronId);
    },
  );

  test.each(["a", "Summarize_2", "x".repeat(64), "dnd", "run", "a_"])("accepts the neuron id %p", (neuronId) => {
    expect(defineNeuron({ neuronId, input, output }).neuronId).toBe(neuronId);
  });

  test("refuses a bad capability, naming neuron and capability", () => {
    expect(() => defineNeuron({ neuronId: "n", capabilities: ["ok", "text generation"], input, output })).toThrow(
      'neuron "n": a capability must be 1 to 64 of A-Z a-z 0-9 _ . : -, got "text generation"',
    );
    expect(defineNeuron({ neuronId: "n", capabilities: ["a.b:c-1_D"], input, output }).capabilities).toEqual([
      "a.b:c-1_D",
    ]);
  });

  test("refuses what JSON Schema cannot say, naming neuron, side, path and fix", () => {
    const message = refusal({ input: z.object({ list: z.array(z.object({ when: z.date().optional() })) }) });
    expect(message).toContain('neuron "n": input.list[].when: Date cannot be represented in JSON Schema');
    expect(message).toContain("z.iso.datetime()");
    expect(refusal({ output: z.object({ run: z.function() }) })).toContain("output.run: Function");
    expect(refusal({ output: z.object({ n: z.bigint() }) })).toContain("output.n: BigInt");
  });

  test.each([
    ["a transform", z.string().transform((text) => text.length)],
    ["preprocessing", z.preprocess(String, z.string())],
    ["a codec", z.codec(z.string(), z.number(), { decode: Number, encode: String })],
    ["z.stringbool", z.stringbool()],
  ])("refuses %s on either side, because it would run twice", (_name, field) => {
    expect(refusal({ input: z.object({ field }) })).toContain('neuron "n": input.field: ');
    expect(refusal({ output: z.object({ field }) })).toContain('neuron "n": output.field: ');
  });

  test("accepts defaults, refinements, trimming, coercion, pipes of one type and recursion", () => {
    const tree = z.object({
      name: z.string().trim().default("x"),
      size: z.coerce.number().int(),
      code: z.string().pipe(z.string().min(2)),
      get children() {
        return z.array(tree).optional();
      },
    });
    expect(refusal({ input: tree.refine(() => true), output: tree })).toBe("accepted");
  });

  test("refuses a side that is no object", () => {
    for (const schema of [z.string(), z.array(empty), z.unknown(), empty.nullable(), z.union([empty, z.string()])]) {
      expect(refusal({ output: schema })).toContain('neuron "n": output must be an object schema; wrap it');
    }
    expect(refusal({ input: z.discriminatedUnion("k", [z.object({ k: z.literal("a") })]) })).toBe("accepted");
    expect(refusal({ input: z.intersection(empty, z.record(z.string(), z.number())) })).toBe("accepted");
    expect(refusal({ input: z.object({ a: z.string() }).meta({ id: "DefineNeuronTest" }) })).toBe("accepted");
  });

  test("refuses what is no zod schema", () => {
    expect(refusal({ input: { type: "object" } as unknown as z.ZodType })).toContain("input must be a zod 4 schema");
    expect(refusal({ input: undefined as unknown as z.ZodType })).toContain("got undefined");
  });
});

test("toContractJsonSchema tells what a caller sends from what it gets back", () => {
  const withDefault = z.object({ lang: z.string().default("en") });
  const { input, output } = toContractJsonSchema(
    defineNeuron({ neuronId: "n", input: withDefault, output: withDefault }),
  );
  expect(input.required).toBeUndefined();
  expect(output.required).toEqual(["lang"]);
});
