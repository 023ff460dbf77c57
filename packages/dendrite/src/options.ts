/** What `new Dendrite` takes, resolved once: nothing downstream sees an option that may be missing. */
import { parseNamespace, silentLogger, type Logger, type Synapse } from "@myelin/bus";
import type { DendriteObserver } from "./observer.ts";
import { DendriteError } from "./errors.ts";
import { parseMs } from "./validate.ts";

export interface DendriteOptions {
  /** The connection. Who opened it drains it; a Dendrite drains only itself. */
  readonly synapse: Synapse;
  /** Which fleet this belongs to: 1 to 64 of A-Z a-z 0-9 _ -. Default `default`. */
  readonly namespace?: string | undefined;
  /** A label for people, shown in the roster. Not an address: any number of Dendrites may share one. Default `dendrite`. */
  readonly dendriteId?: string | undefined;
  /** How often a process that hosts Axons says it is alive. Default 10_000; others count it gone after three times that. */
  readonly heartbeatMs?: number | undefined;
  /** The lease of a task: another worker gets it when nothing is heard for so long. One value per namespace. Default 30_000. */
  readonly ackWaitMs?: number | undefined;
  /** How long `stop` waits for running tasks before it hands them back. Default 30_000. */
  readonly drainMs?: number | undefined;
  /** How long to listen for workers before `NoWorkerError`. Default 250. */
  readonly discoverMs?: number | undefined;
  /** How long an idempotency key stands for its run after that has ended. Default 86_400_000 (24 h); keys live at most 8 days. */
  readonly idempotencyKeepMs?: number | undefined;
  readonly logger?: Logger | undefined;
  /** Hears of this process' own work, for its metrics. */
  readonly observer?: DendriteObserver | undefined;
}

export interface ResolvedOptions {
  readonly synapse: Synapse;
  readonly namespace: string;
  readonly dendriteId: string;
  readonly heartbeatMs: number;
  readonly ackWaitMs: number;
  readonly drainMs: number;
  readonly discoverMs: number;
  readonly idempotencyKeepMs: number;
  readonly logger: Logger;
  readonly observer: DendriteObserver;
}

/** Throws `INVALID_OPTION` (or `INVALID_ID` for the namespace) with the value and the rule. */
export function resolveOptions(options: DendriteOptions): ResolvedOptions {
  if (typeof options?.synapse?.open !== "function") {
    throw new DendriteError("INVALID_OPTION", "synapse must be a Synapse: await connectSynapse(url)");
  }
  const { dendriteId = "dendrite" } = options;
  if (typeof dendriteId !== "string" || dendriteId === "" || dendriteId.length > 255) {
    throw new DendriteError(
      "INVALID_OPTION",
      `dendriteId must be 1 to 255 characters, got ${JSON.stringify(dendriteId)}`,
    );
  }
  return Object.freeze({
    synapse: options.synapse,
    namespace: parseNamespace(options.namespace ?? "default"),
    dendriteId,
    heartbeatMs: parseMs("heartbeatMs", options.heartbeatMs ?? 10_000),
    ackWaitMs: parseMs("ackWaitMs", options.ackWaitMs ?? 30_000),
    drainMs: parseMs("drainMs", options.drainMs ?? 30_000),
    discoverMs: parseMs("discoverMs", options.discoverMs ?? 250),
    idempotencyKeepMs: parseMs("idempotencyKeepMs", options.idempotencyKeepMs ?? 86_400_000),
    logger: options.logger ?? silentLogger,
    observer: options.observer ?? {},
  });
}
