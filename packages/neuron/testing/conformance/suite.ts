/** Suite: what the sections of the conformance suite share: a server, a model on it, and one call of it. */
import { expect } from "@jest/globals";
import { NeuronFailure } from "../../src/errors.ts";
import type { Model, ModelCallOptions, ModelDelta, ModelRequest, ModelResponse } from "../../src/model/model.ts";
import type { Accident, ANSWERS } from "../scenarios.ts";

/** What came in. */
export interface ModelServerRequest {
  readonly body: { readonly [key: string]: unknown };
  /** Whether the client went away before the answer was complete. */
  readonly aborted: boolean;
  /** Settles when the exchange is over, whoever ended it. */
  readonly closed: Promise<void>;
}

/** A server that speaks the vendor's wire and plays the scenario that the model is named for. */
export interface ModelServer extends AsyncDisposable {
  readonly requests: readonly ModelServerRequest[];
  /** Resolves when the first request has come in. */
  readonly firstRequest: Promise<ModelServerRequest>;
}

/** What every provider takes. */
export interface ModelUnderTestOptions {
  readonly apiKey?: string | undefined;
  readonly timeoutMs?: number | undefined;
  readonly maxRetries?: number | undefined;
}

export interface ModelUnderTest<Server extends ModelServer> {
  readonly start: () => Promise<Server>;
  readonly create: (server: Server, model: string, options: ModelUnderTestOptions) => Model;
  readonly vendor: string;
  /** Whether the wire takes back what a model thought. */
  readonly takesReasoningBack: boolean;
  /** Whether the server says how many tokens it wrote to its cache. Default true. */
  readonly countsCacheWrites?: boolean | undefined;
}

export type Scenario = keyof typeof ANSWERS | Accident;

/** A server with a model on it. */
export interface Stage extends AsyncDisposable {
  readonly server: ModelServer;
  readonly model: Model;
  /** A call with one user message; `deltas` keeps what was streamed, when it was. */
  call(request?: Partial<ModelRequest>, options?: Partial<ModelCallOptions>): Promise<ModelResponse>;
  streamed(request?: Partial<ModelRequest>, options?: Partial<ModelCallOptions>): Promise<ModelResponse>;
  readonly deltas: readonly ModelDelta[];
}

export type Open = (scenario: Scenario, options?: ModelUnderTestOptions) => Promise<Stage>;

export function opener<Server extends ModelServer>({ start, create }: ModelUnderTest<Server>): Open {
  return async (scenario, options = {}) => {
    const server = await start();
    const model = create(server, scenario, { apiKey: "sk-secret-of-mine", ...options });
    const deltas: ModelDelta[] = [];
    const call: Stage["call"] = (request, more) =>
      model.generate(
        { messages: [{ role: "user", content: "hi" }], ...request },
        { signal: new AbortController().signal, ...more },
      );
    return {
      server,
      model,
      deltas,
      call,
      streamed: (request, more) => call(request, { onDelta: (delta) => void deltas.push(delta), ...more }),
      [Symbol.asyncDispose]: async () => {
        await model.close();
        await server[Symbol.asyncDispose]();
      },
    };
  };
}

/** The failure of a call, which must fail. */
export async function failureOf(call: Promise<ModelResponse>): Promise<NeuronFailure> {
  const outcome = await call.catch((error: unknown) => error);
  if (!(outcome instanceof NeuronFailure)) throw new Error(`expected a NeuronFailure, got ${JSON.stringify(outcome)}`);
  return outcome;
}

/** All of `texts` are in `within`, in this order. */
export function expectInOrder(within: string, texts: readonly string[]): void {
  const places = texts.map((text) => ({ text, isThere: within.includes(text) }));
  expect(places).toEqual(texts.map((text) => ({ text, isThere: true })));
  const found = [...texts].sort((a, b) => within.indexOf(a) - within.indexOf(b));
  expect(found).toEqual(texts);
}
