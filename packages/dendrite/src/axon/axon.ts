/** Axon: hosts one Neuron in a worker. Plain data: what the neuron is called, can do, takes, gives, and how many run at once. */
import { parseCapability, parseNeuronId } from "@myelin/bus";
import type { AgentCard } from "@myelin/bus/run-events";
import type { ContractNeuron, JsonObject, Neuron } from "@myelin/neuron";
import type { z } from "zod";
import { DendriteError } from "../errors.ts";
import { parseCount } from "../validate.ts";
import { RetryPolicy, type RetryOptions } from "./retry-policy.ts";
import { parseRateLimit, type RateLimit, type RateLimitOptions } from "./rate-limit.ts";

/** What an Axon without schemas takes and gives: any JSON object in, anything JSON out. */
type AnyInput = z.ZodType<JsonObject, JsonObject>;
type AnyOutput = z.ZodType<unknown, unknown>;

export interface AxonOptions<I extends z.ZodType, O extends z.ZodType> {
  /** The address of the neuron. Replicas of one id share its tasks. */
  readonly neuronId: string;
  /** The function. It may be started more than once for a task, also by another process. */
  readonly neuron: ContractNeuron<I, O>;
  /** What callers may ask for instead of the id. Default none. */
  readonly capabilities?: readonly string[] | undefined;
  /** How many tasks run at once in this process. Default 10. */
  readonly concurrency?: number | undefined;
  /** Which failures of a durable task are started again, and when. Default: none, an error is final. */
  readonly retry?: RetryOptions | undefined;
  /** How many tasks start per time in this process; each replica has its own. Default: as many as there is room for. */
  readonly rateLimit?: RateLimitOptions<I> | undefined;
  /** Shown in the roster. */
  readonly version?: string | undefined;
  readonly description?: string | undefined;
  /** Inputs that do not fit are refused with INPUT_INVALID. */
  readonly input?: I | undefined;
  /** Outputs that do not fit become ERROR OUTPUT_INVALID. */
  readonly output?: O | undefined;
  /** Whether the text of `ctx.thought` goes on record, joined, at most twice a second per run. Default `joined`. */
  readonly recordDeltas?: "joined" | "none" | undefined;
  /** What callers must know of an agent before they start it: set by `defineAgent`. */
  readonly card?: AgentCard | undefined;
  /** Awaited once when the Dendrite stops, after the last task: connections that all runs share. */
  readonly close?: (() => Promise<void>) | undefined;
}

/** Throws `INVALID_ID` or `INVALID_OPTION` with the value and the rule. */
export class Axon<I extends z.ZodType = AnyInput, O extends z.ZodType = AnyOutput> {
  readonly neuronId: string;
  readonly neuron: Neuron<unknown, unknown>;
  readonly capabilities: readonly string[];
  readonly concurrency: number;
  readonly retry: RetryPolicy;
  readonly rateLimit: RateLimit | null;
  readonly version: string | null;
  readonly description: string | null;
  readonly input: z.ZodType | null;
  readonly output: z.ZodType | null;
  readonly recordDeltas: "joined" | "none";
  readonly card: AgentCard | null;
  readonly close: (() => Promise<void>) | null;

  constructor(options: AxonOptions<I, O>) {
    this.neuronId = parseNeuronId(options.neuronId);
    if (typeof options.neuron !== "function") {
      throw wrong(
        `neuron of Axon "${this.neuronId}" must be a function (input, ctx) => output, got ${typeof options.neuron}`,
      );
    }
    this.neuron = options.neuron as Neuron<unknown, unknown>;
    const { capabilities = [], recordDeltas = "joined" } = options;
    if (!Array.isArray(capabilities)) throw wrong(`capabilities of Axon "${this.neuronId}" must be a list`);
    this.capabilities = Object.freeze(capabilities.map(parseCapability));
    this.concurrency = parseCount("concurrency", options.concurrency ?? 10);
    this.retry = new RetryPolicy(options.retry);
    this.rateLimit = parseRateLimit(options.rateLimit);
    this.version = options.version ?? null;
    this.description = options.description ?? null;
    this.input = options.input ?? null;
    this.output = options.output ?? null;
    if (!["joined", "none"].includes(recordDeltas)) throw wrong('recordDeltas must be "joined" or "none"');
    this.recordDeltas = recordDeltas;
    this.card = options.card ?? null;
    this.close = options.close ?? null;
  }
}

const wrong = (message: string) => new DendriteError("INVALID_OPTION", message);
