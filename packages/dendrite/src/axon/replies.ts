/** Replies: how the reply of a run is made and sent; stored for a durable task, published for a transient one. */
import {
  createSignal,
  PayloadTooLargeError,
  replyDedupId,
  toStopped,
  type Bus,
  type Logger,
  type Signal,
  type TaskDelivery,
  type TaskOutcome,
} from "@myelin/bus";
import { toErrorReply, type ReplyBody } from "./output-to-reply.ts";
import type { TaskRun } from "./task-run.ts";

export interface RepliesOptions {
  readonly bus: Bus;
  readonly instance: string;
  readonly logger: Logger;
}

const RETRY_MS = 500;

export class Replies {
  readonly #options: RepliesOptions;
  #isDraining = false;

  constructor(options: RepliesOptions) {
    this.#options = options;
  }

  /** From now on a reply that the log does not take is left to whoever gets the task next. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Append until the log has it or the lease is lost: the work is done, and must not be done again for a full disk. */
  async append(run: TaskRun, body: ReplyBody, delivery: TaskDelivery): Promise<TaskOutcome> {
    const { bus, logger } = this.#options;
    let signal = this.#toSignal(run, body);
    for (;;) {
      if (delivery.isLost) return { type: "abandon" };
      try {
        await bus.append(signal, { dedupId: replyDedupId(run.task.id) });
        return { type: "done" };
      } catch (thrown) {
        if (isUnsendable(thrown)) {
          signal = this.#toSignal(run, toErrorReply(thrown));
          continue;
        }
        logger.warn({ err: thrown, runId: run.runId }, "reply.append.failed");
        if (this.#isDraining) return { type: "retry", delayMs: RETRY_MS };
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
    }
  }

  publish(run: TaskRun, body: ReplyBody): void {
    const { bus } = this.#options;
    try {
      bus.publish(this.#toSignal(run, body));
    } catch (thrown) {
      if (!isUnsendable(thrown)) throw thrown;
      bus.publish(this.#toSignal(run, toErrorReply(thrown)));
    }
  }

  /** A run that was stopped answers STOPPED, whatever its neuron made of the abort, unless it had an output already. */
  #toSignal(run: TaskRun, body: ReplyBody): Signal {
    const { directed, task } = run;
    const { trace_id } = task;
    const meta = run.meta();
    const stop = run.abortedBy?.cause;
    if (typeof stop === "object" && body.type === "ERROR") {
      const { reason } = stop.payload;
      return toStopped({ trace_id, parent_id: stop.id, directed, meta }, { reason, node: this.#options.instance });
    }
    const { type, payload } = body;
    return createSignal({ type, trace_id, parent_id: task.id, directed, payload, meta });
  }
}

/** Sending the same again cannot work: it is too large, or no JSON. */
function isUnsendable(thrown: unknown): boolean {
  return thrown instanceof PayloadTooLargeError || (thrown as { code?: unknown })?.code === "NOT_JSON";
}
