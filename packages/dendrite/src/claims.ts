/**
 * Claims: who may send a TASK under an idempotency key, and what those do who come later.
 *
 * A key is claimed by creating it in the namespace's bucket with the TASK in it: one of any number of callers, in any
 * process, succeeds. The TASK has a subject of its own and is appended as its first entry, so it is stored once, whoever
 * sends it: its claimer, or whoever finds the claim of one that died in between. Neither rests on the dedup window.
 *
 * A key is: free -> claimed -> sent -> ended -> (`keepMs` later) free. "Sent, and gone from the log" and "never sent" look the
 * same there. What tells them apart is whether anything was removed from the log since the claim; if so, the records say.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isEndType, WrongLastSeqError, type Bus, type SignalOf } from "@myelin/bus";
import { DendriteError, IdempotencyConflictError, RunNotFoundError } from "./errors.ts";
import { decodeClaim, encodeClaim, keyName, requestHash, type Claim, type KeyScope } from "./idempotency.ts";
import type { Records } from "./records.ts";
import { toKnownRun, type KnownRun, type RunHistory } from "./run-history.ts";
import type { RunLog } from "./run-log.ts";

export interface ClaimsOptions {
  readonly bus: Bus;
  readonly log: RunLog;
  readonly records: Records;
  readonly history: RunHistory;
  /** How long a key stands for its run after that has ended. */
  readonly keepMs: number;
}

export interface Claimed {
  readonly task: SignalOf<"TASK">;
  readonly run: KnownRun;
  /** Claimed by this call: then the TASK is still to be sent. */
  readonly isMine: boolean;
}

interface Look {
  readonly run: KnownRun;
  /** `over`: the key is free again, because its run ended long ago, or was never sent and now comes too late. */
  readonly state: "unsent" | "sent" | "over";
  readonly isSent: boolean;
}

/** How far clocks may be apart: so long after its deadline no worker starts a TASK any more. */
const MAX_SKEW_MS = 2_000;

export class Claims {
  readonly #options: ClaimsOptions;

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /**
   * Claim the key for a TASK, or find whose it is. Rejects with `IdempotencyConflictError`, `RecordsUnavailableError`, and as
   * `makeTask` does, which is called only when the key is free.
   */
  async claim(
    request: KeyScope & { readonly input: unknown },
    makeTask: () => Promise<SignalOf<"TASK">>,
  ): Promise<Claimed> {
    const { bus, log } = this.#options;
    const name = keyName(request);
    const hash = requestHash(request);
    for (;;) {
      const [found, info] = await Promise.all([bus.getKey(name), log.info()]);
      if (found) {
        const claim = decodeClaim(name, found.bytes);
        const { state, run } = await this.#look(claim);
        if (state !== "over") {
          if (claim.requestHash !== hash) throw new IdempotencyConflictError(request.idempotencyKey, run.runId);
          if (state === "unsent") await this.send(claim.task);
          return { task: claim.task, run, isMine: false };
        }
      }
      const task = await makeTask();
      const claim = { task, requestHash: hash, logCreatedAt: info.createdAt.toISOString(), logSeq: info.lastSeq };
      try {
        await bus.putKey(name, encodeClaim(claim), { expectRevision: found?.revision ?? 0 });
        return { task, run: toKnownRun(task.meta.run_id!, task, true), isMine: true };
      } catch (error) {
        if (!(error instanceof WrongLastSeqError)) throw error;
      }
    }
  }

  /** The run a key stands for, sent if it was not. Rejects with `RunNotFoundError`. */
  async find(scope: KeyScope): Promise<KnownRun> {
    const { bus } = this.#options;
    const name = keyName(scope);
    const found = await bus.getKey(name);
    const what = `idempotency key ${JSON.stringify(scope.idempotencyKey)} of ${describeAsked(scope)}`;
    if (!found) throw new RunNotFoundError(what, bus.namespace);
    const claim = decodeClaim(name, found.bytes);
    const { state, run, isSent } = await this.#look(claim);
    if (state === "unsent") await this.send(claim.task);
    else if (!isSent) throw new RunNotFoundError(what, bus.namespace);
    return run;
  }

  /** Put the TASK of a claim in the log, unless somebody has. */
  async send(task: SignalOf<"TASK">): Promise<void> {
    try {
      await this.#options.bus.append(task, { dedupId: task.id, expectLastSeq: 0 });
    } catch (error) {
      // Something is on the run's own subject: this TASK, sent by another.
      if (!(error instanceof WrongLastSeqError)) throw error;
    }
  }

  async #look(claim: Claim): Promise<Look> {
    const { log, history, records, keepMs } = this.#options;
    const { task } = claim;
    const isInLog = await log.holds(task);
    // Asked after that: what was not there then, and was not removed until now, was not stored.
    const run = toKnownRun(task.meta.run_id!, task, isInLog || (await this.#isUntouchedSince(claim)));
    const found = await history.replyOf(run);
    const isSent = isInLog || found !== null || (!run.isWhole && (await records.taskOf(run.runId)) !== null);
    if (!isSent) {
      const leftMs = Date.parse(task.payload.deadline!) - Date.now();
      if (leftMs > 0) return { state: "unsent", run, isSent };
      // Another may have sent it in this moment, and a worker whose clock is behind may start it.
      await sleep(Math.max(0, leftMs + MAX_SKEW_MS));
      return leftMs + MAX_SKEW_MS > 0 ? this.#look(claim) : { state: "over", run, isSent };
    }
    const hasEnded = found !== null && isEndType(found.reply.type);
    return { state: hasEnded && Date.now() - found.storedAt.getTime() > keepMs ? "over" : "sent", run, isSent };
  }

  /** Whether the log still holds everything that was stored since the claim. */
  async #isUntouchedSince({ logCreatedAt, logSeq }: Claim): Promise<boolean> {
    const { createdAt, firstSeq } = await this.#options.log.info();
    return createdAt.toISOString() === logCreatedAt && firstSeq <= logSeq + 1;
  }
}

/** Throws `INVALID_OPTION` with the value. */
export function parseIdempotencyKey(key: unknown): string {
  if (typeof key === "string" && key.length >= 1 && key.length <= 255) return key;
  throw new DendriteError("INVALID_OPTION", `idempotencyKey must be 1 to 255 characters, got ${show(key)}`);
}

const describeAsked = ({ neuron, capabilities }: KeyScope): string =>
  neuron === undefined ? `capabilities ${JSON.stringify(capabilities)}` : `neuron "${neuron}"`;

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}… (${text.length - 2})` : text;
}
