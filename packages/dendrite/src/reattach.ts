/** Reattach: the reply of a run whose first caller is gone, by the run's id or by its idempotency key. */
import { isRunId, parseCapability, parseNeuronId, type Bus } from "@myelin/bus";
import { parseIdempotencyKey, type Claims } from "./claims.ts";
import { DendriteError } from "./errors.ts";
import type { ReattachOptions, RunKey } from "./requests.ts";
import type { RunFollower } from "./run-follower.ts";
import { requireTenant, type RunHistory } from "./run-history.ts";
import { parseTimeoutMs } from "./validate.ts";
import { orAborted, type Outcome } from "./wait.ts";

export interface ReattachParts {
  readonly claims: Claims;
  readonly history: RunHistory;
  readonly follower: RunFollower;
  readonly bus: Pick<Bus, "namespace">;
}

const TIMEOUT_MS = 30_000;

/** Settles as `dispatchAndWait` does. Giving up leaves the run alone. */
export async function reattach(
  { claims, history, follower, bus }: ReattachParts,
  run: string | RunKey,
  { timeoutMs = TIMEOUT_MS, signal, onPause = "reject", tenantId }: ReattachOptions,
): Promise<Outcome> {
  parseTimeoutMs(timeoutMs);
  const startedAt = performance.now();
  signal?.throwIfAborted();
  const known = await orAborted(
    typeof run === "string" ? history.find(parseRunId(run)) : claims.find(parseKey(run)),
    signal,
  );
  requireTenant(known, tenantId, bus.namespace);
  const leftMs = Math.max(1, timeoutMs - (performance.now() - startedAt));
  return follower.follow(known, { timeoutMs: leftMs, signal, onPause });
}

/** Throws `INVALID_OPTION` with the value. */
export function parseRunId(runId: string): string {
  if (isRunId(runId)) return runId;
  throw wrong(`a run id is run_ and at most 60 of A-Z a-z 0-9 _ -, got ${JSON.stringify(runId).slice(0, 80)}`);
}

function parseKey(key: RunKey): RunKey {
  const { idempotencyKey, neuron, capabilities } = key;
  parseIdempotencyKey(idempotencyKey);
  if ((neuron === undefined) === (capabilities === undefined)) {
    throw wrong("a key was used with either a neuron or capabilities: say with which");
  }
  if (neuron !== undefined) parseNeuronId(neuron);
  capabilities?.forEach(parseCapability);
  return key;
}

const wrong = (message: string) => new DendriteError("INVALID_OPTION", message);
