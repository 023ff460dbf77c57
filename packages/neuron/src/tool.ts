/** Tool: what a model may call: a function with a schema, by name. And where tools come from, when not from code. */
import type { NeuronContext } from "./context.ts";
import type { JsonObject } from "./outcomes.ts";

/** What a running tool sees. Everything of its run's context, and which call it is. */
export interface ToolContext extends Omit<NeuronContext, "journal" | "step" | "stepKey" | "answers" | "delegate"> {
  readonly callId: string;
  /** The same each time this call runs, and of no other: the idempotency key to hand outside. */
  readonly key: string;
}

export interface Tool {
  /** 1 to 64 of `A-Z a-z 0-9 _ -`. */
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the parameters, an object. */
  readonly parameters: JsonObject;
  /** `client`: somebody outside runs it and submits the result; `run` is not called. */
  readonly target: "server" | "client";
  /** Whether neighbours in one answer that also may run beside it. False: it runs alone. */
  readonly parallel: boolean;
  /** Calls in a run at most; further ones are answered with an error. Null: no limit. */
  readonly maxCallsPerRun: number | null;
  readonly timeoutMs: number;
  /** Running it twice is as good as once: after a crash it is just run again. Else a person is asked. */
  readonly idempotent: boolean;
  /** Why these parameters do not fit, in words for the model; null when they do. Left out: any do. Asked before anything else is. */
  readonly problemWith?: ((params: JsonObject) => string | null) | undefined;
  /** Throws what is fed back to the model as the call's error. The result must be JSON. */
  run(params: JsonObject, ctx: ToolContext): Promise<unknown>;
}

/** Tools that are found out at run time, such as an MCP server's. Opened once per process, at the first run that uses it. */
export interface ToolSource {
  /** 1 to 32 of `A-Z a-z 0-9 _ -`; no `__`. Its tools are named `<source>__<tool>`. */
  readonly name: string;
  /** Called concurrently it connects once; what failed is tried again by the next. */
  open(signal: AbortSignal): Promise<readonly Tool[]>;
  close(): Promise<void>;
}
