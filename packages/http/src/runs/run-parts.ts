/** What the run routes are made of: the slices of a RunStore and of `dendrite.runs` that they call, and what they share. */
import type { Runs } from "@myelin/dendrite";
import type { RunStore } from "@myelin/runs";
import type { Logger } from "@myelin/bus";
import type { Authorize, Scope } from "../authorize.ts";
import type { StreamTiming } from "../event-stream.ts";
import type { InFlight } from "../in-flight.ts";
import type { Call } from "../routes.ts";
import { type OPERATIONS, type OperationId } from "./operations.ts";
import type { Parameters, ValuesOf } from "./parameters.ts";

/** The questions about runs that are served. */
export type RunReads = Pick<
  RunStore,
  | "listRuns"
  | "countRuns"
  | "getRun"
  | "getEvents"
  | "streamEvents"
  | "getLlmCalls"
  | "getToolInvocations"
  | "getTraces"
  | "getPauses"
  | "getDelegation"
  | "getCosts"
>;

/** A RunStore, whole; a tenant is served from `for({ tenantId })` only (H1). */
export type ScopableReads = RunReads & { for(scope: { tenantId: string }): RunReads };

/** What starts and steers runs: `dendrite.runs`. */
export type RunVerbs = Pick<
  Runs,
  | "start"
  | "run"
  | "stream"
  | "follow"
  | "submitApproval"
  | "submitInput"
  | "submitToolResults"
  | "cancelRun"
  | "retry"
  | "startRetry"
>;

export interface RunParts {
  readonly store: ScopableReads | null;
  readonly verbs: RunVerbs | null;
  readonly authorize: Authorize;
  readonly timing: StreamTiming;
  /** Places of streams: they are held for minutes, and not counted among the requests. */
  readonly streams: InFlight;
  readonly maxBodyBytes: number;
  readonly maxWaitMs: number;
  readonly ignoredParameters: readonly string[];
  readonly logger?: Logger | undefined;
}

type QueryOf<Id extends OperationId> = (typeof OPERATIONS)[Id] extends { query: infer Q extends Parameters }
  ? ValuesOf<Q>
  : Record<never, never>;

/** A request whose query was read, and what its caller may see. */
export interface RunCall<Id extends OperationId> extends Call {
  readonly query: QueryOf<Id>;
  /** Throws where the router has no store: the operations that ask it are not there then. */
  readonly reads: RunReads;
  /** The run in its path; empty where there is none. */
  readonly runId: string;
}

export type RunHandlers<Id extends OperationId> = { readonly [id in Id]: (call: RunCall<id>) => Promise<Response> };

/** What a caller may see: all, or its tenant's. */
export function readsFor(store: ScopableReads | null, { tenantId }: Scope): RunReads {
  if (store === null) throw new Error("this router has no store");
  return tenantId === undefined ? store : store.for({ tenantId });
}
