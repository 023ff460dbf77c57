/**
 * RunFollower: waits for the reply of a run that somebody else dispatched: another caller of an idempotency key, or a
 * process that is gone.
 *
 * Nothing is missed: the replies of the run are listened to before the log is asked for them, and asked for again from 2 s
 * on and after each reconnect, as for any waiter (D1). Giving up leaves the run alone: it may have other followers.
 */
import { repliesOf, type Bus, type InstanceId } from "@myelin/bus";
import type { DendriteObserver } from "./observer.ts";
import type { KnownRun, RunHistory } from "./run-history.ts";
import { StartedWait, toOutcome, type Outcome, type Wait } from "./wait.ts";
import type { Reply, Waiters } from "./waiters.ts";

export interface RunFollowerOptions {
  readonly bus: Bus;
  readonly instance: InstanceId;
  readonly waiters: Waiters;
  readonly history: RunHistory;
  readonly observer: DendriteObserver;
}

export class RunFollower {
  readonly #options: RunFollowerOptions;

  constructor(options: RunFollowerOptions) {
    this.#options = options;
  }

  /** Settles as `dispatchAndWait` does. With `send` the run begins here: it is called once the reply can be heard. */
  follow(
    run: KnownRun,
    options: Pick<Wait, "timeoutMs" | "onPause" | "signal">,
    send?: () => Promise<void>,
  ): Promise<Outcome> {
    const { wait, replied } = this.#wait(run, options, send);
    return toOutcome(replied, wait, this.#options.observer);
  }

  /** The reply as it is: also ERROR and STOPPED resolve. Rejects with what has no Signal. */
  reply(run: KnownRun, options: Pick<Wait, "timeoutMs" | "onPause" | "signal">): Promise<Reply> {
    return this.#wait(run, options).replied;
  }

  #wait(
    run: KnownRun,
    options: Pick<Wait, "timeoutMs" | "onPause" | "signal">,
    send?: () => Promise<void>,
  ): { wait: Wait; replied: Promise<Reply> } {
    const { waiters, instance } = this.#options;
    const { runId, traceId, neuron } = run;
    const replyTo = run.replyTo === instance ? undefined : run.replyTo;
    const wait: Wait = { ...options, runId, traceId, replyTo, neuron, delivery: "durable" };
    const started = new StartedWait(waiters, wait);
    return { wait, replied: started.replied.finally(this.#hear(run, send, started)) };
  }

  /** Listen, unless this process hears the run's replies anyway; then ask what was stored before. */
  #hear(run: KnownRun, send: (() => Promise<void>) | undefined, started: StartedWait): () => void {
    const { bus, instance, waiters, history } = this.#options;
    const { runId, traceId, replyTo } = run;
    const replies = repliesOf(traceId, runId, replyTo);
    const subscription =
      replyTo === instance ? undefined : bus.subscribe("log", replies, (signal) => waiters.receive(signal));
    const asked = (async () => {
      await subscription;
      if (send) return send();
      const found = await history.replyOf(run);
      if (found) waiters.receive(found.reply);
    })();
    asked.catch((error: unknown) => started.end(error));
    // A subscription that failed has failed the wait; there is nothing to end then.
    return () => void subscription?.then((one) => one.drain()).catch(() => {});
  }
}
