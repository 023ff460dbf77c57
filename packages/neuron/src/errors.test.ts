import { describe, expect, test } from "@jest/globals";
import * as anthropic from "@anthropic-ai/sdk";
import * as openai from "openai";
import { ContractError, NeuronFailure, ProviderOptionsError } from "./errors.ts";

const headers = new Headers({ "request-id": "req_1" });

/** Code and recoverable of what `from` makes of `thrown`. */
function ruling(thrown: unknown): [string, boolean] {
  const { code, recoverable } = NeuronFailure.from(thrown);
  return [code, recoverable];
}

describe("NeuronFailure", () => {
  test("carries code, message, recoverable and cause; recoverable is false by default", () => {
    const cause = new Error("disk");
    const failure = new NeuronFailure("DISK_FULL", "no room", { recoverable: true, cause });
    expect(failure).toMatchObject({ name: "NeuronFailure", code: "DISK_FULL", message: "no room", recoverable: true });
    expect(failure.cause).toBe(cause);
    expect(new NeuronFailure("X", "y").recoverable).toBe(false);
    expect("cause" in new NeuronFailure("X", "y")).toBe(false);
  });

  test("the package's errors are named for their class", () => {
    expect(new ContractError("m")).toMatchObject({ name: "ContractError", code: "CONTRACT_INVALID" });
    expect(new ProviderOptionsError("m")).toMatchObject({
      name: "ProviderOptionsError",
      code: "PROVIDER_OPTIONS_INVALID",
    });
  });
});

describe("NeuronFailure.from", () => {
  test("returns a NeuronFailure as it is", () => {
    const failure = new NeuronFailure("MINE", "m");
    expect(NeuronFailure.from(failure)).toBe(failure);
  });

  test("anything else is NEURON_EXCEPTION with its message, not recoverable", () => {
    const error = new TypeError("x is not a function");
    expect(NeuronFailure.from(error)).toMatchObject({
      code: "NEURON_EXCEPTION",
      message: "x is not a function",
      recoverable: false,
      cause: error,
    });
    // Looks a little like a vendor's error, and is not one.
    expect(ruling(Object.assign(new Error("m"), { status: 503 }))).toEqual(["NEURON_EXCEPTION", false]);
  });

  test.each([
    ["text", "text"],
    ["", 'the neuron threw ""'],
    [undefined, "the neuron threw undefined"],
    [null, "the neuron threw null"],
    [{ reason: 1 }, 'the neuron threw {"reason":1}'],
    [new RangeError(), "RangeError"],
  ])("has a message for %p", (thrown, message) => {
    expect(NeuronFailure.from(thrown)).toMatchObject({ code: "NEURON_EXCEPTION", message });
  });

  test("has a message for what cannot be shown", () => {
    const hostile = {
      toJSON: () => {
        throw new Error("no");
      },
    };
    expect(NeuronFailure.from(hostile).message).toBe("the neuron threw something that cannot be shown");
    const getter = Object.defineProperty({}, "message", { get: hostile.toJSON, enumerable: true });
    expect(NeuronFailure.from(getter).message).toBe("the neuron threw something that cannot be shown");
    expect(NeuronFailure.from({ message: "not an Error" }).message).toBe("not an Error");
  });

  test("an abort is CANCELLED", () => {
    expect(ruling(new DOMException("stopped", "AbortError"))).toEqual(["CANCELLED", false]);
    expect(ruling(AbortSignal.abort().reason)).toEqual(["CANCELLED", false]);
    expect(ruling(new openai.APIUserAbortError())).toEqual(["CANCELLED", false]);
    expect(ruling(new anthropic.APIUserAbortError())).toEqual(["CANCELLED", false]);
  });

  test.each<[number, string, boolean]>([
    [400, "MODEL_REFUSED_REQUEST", false],
    [401, "MODEL_REFUSED_REQUEST", false],
    [403, "MODEL_REFUSED_REQUEST", false],
    [404, "MODEL_REFUSED_REQUEST", false],
    [408, "MODEL_TIMEOUT", true],
    [409, "MODEL_UNAVAILABLE", true],
    [413, "MODEL_REFUSED_REQUEST", false],
    [422, "MODEL_REFUSED_REQUEST", false],
    [429, "MODEL_RATE_LIMITED", true],
    [500, "MODEL_UNAVAILABLE", true],
    [502, "MODEL_UNAVAILABLE", true],
    [503, "MODEL_UNAVAILABLE", true],
    [504, "MODEL_TIMEOUT", true],
    [529, "MODEL_OVERLOADED", true],
  ])("a vendor's status %i is %s (recoverable %p), with either SDK", (status, code, recoverable) => {
    const body = { error: { message: "m" } };
    expect(ruling(openai.APIError.generate(status, body, "m", headers))).toEqual([code, recoverable]);
    expect(ruling(anthropic.APIError.generate(status, body, "m", headers))).toEqual([code, recoverable]);
  });

  test("an exhausted quota is a 429 that waiting does not cure", () => {
    const body = { error: { code: "insufficient_quota", message: "pay" } };
    expect(ruling(openai.APIError.generate(429, body, "m", headers))).toEqual(["MODEL_REFUSED_REQUEST", false]);
  });

  test("lost connections and timeouts are recoverable", () => {
    for (const sdk of [openai, anthropic]) {
      expect(ruling(new sdk.APIConnectionError({ message: "reset" }))).toEqual(["MODEL_UNAVAILABLE", true]);
      expect(ruling(new sdk.APIConnectionTimeoutError())).toEqual(["MODEL_TIMEOUT", true]);
    }
  });

  test("an error inside a stream has no status and is judged by its type or code", () => {
    const ofAnthropic = (type: string) => {
      const body = { type: "error", error: { type, message: "m" } };
      return ruling(new anthropic.APIError(undefined, body, undefined, headers));
    };
    expect(ofAnthropic("overloaded_error")).toEqual(["MODEL_OVERLOADED", true]);
    expect(ofAnthropic("rate_limit_error")).toEqual(["MODEL_RATE_LIMITED", true]);
    expect(ofAnthropic("invalid_request_error")).toEqual(["MODEL_REFUSED_REQUEST", false]);
    expect(ofAnthropic("api_error")).toEqual(["MODEL_UNAVAILABLE", true]);
    const ofOpenai = (error: object) => ruling(new openai.APIError(undefined, error, undefined, headers));
    expect(ofOpenai({ code: "rate_limit_exceeded", message: "m" })).toEqual(["MODEL_RATE_LIMITED", true]);
    expect(ofOpenai({ type: "server_error", message: "m" })).toEqual(["MODEL_UNAVAILABLE", true]);
    expect(ofOpenai({ code: 429, message: "m" })).toEqual(["MODEL_RATE_LIMITED", true]);
    expect(ofOpenai({ code: 400, message: "m" })).toEqual(["MODEL_REFUSED_REQUEST", false]);
  });
});
