/**
 * What one writes by hand on NATS: publish with a correlation id, one reply subscription for the process, a map of who
 * waits, a queue group of workers, JSON. A timeout per request and nothing else: no deadline on the wire, no errors with
 * codes, no validation, no roster, no cancel, no drain.
 */
import { connect, createInbox, type NatsConnection } from "@nats-io/transport-node";
import type { Contender } from "./contender.ts";
import { answerJob, TIMEOUT_MS, type Answer, type Job } from "./job.ts";

const SUBJECT = "bench.hand.task";

interface Waiting {
  resolve(answer: Answer): void;
  timer: NodeJS.Timeout;
}

export const handPubSub: Contender = {
  async startWorker(url) {
    const nc = await connectNats(url);
    nc.subscribe(SUBJECT, {
      queue: "workers",
      callback: (error, message) => {
        if (error) return;
        const { id, job } = message.json<{ id: number; job: Job }>();
        void answerJob(job).then((answer) => nc.publish(message.reply!, JSON.stringify({ id, answer })));
      },
    });
    await nc.flush();
    return { [Symbol.asyncDispose]: () => nc.drain() };
  },

  async startDispatcher(url) {
    const nc = await connectNats(url);
    const inbox = createInbox();
    const waiting = new Map<number, Waiting>();
    let lastId = 0;
    nc.subscribe(inbox, {
      callback: (error, message) => {
        if (error) return;
        const { id, answer } = message.json<{ id: number; answer: Answer }>();
        const one = waiting.get(id);
        if (!one) return;
        waiting.delete(id);
        clearTimeout(one.timer);
        one.resolve(answer);
      },
    });
    await nc.flush();
    return {
      dispatch: (job) =>
        new Promise((resolve, reject) => {
          const id = ++lastId;
          const timer = setTimeout(() => {
            waiting.delete(id);
            reject(new Error("timeout"));
          }, TIMEOUT_MS);
          waiting.set(id, { resolve, timer });
          nc.publish(SUBJECT, JSON.stringify({ id, job }), { reply: inbox });
        }),
      [Symbol.asyncDispose]: () => nc.drain(),
    };
  },
};

/** Without the stack trace that the client else takes for every request: it costs more than the request. */
export const connectNats = (url: string): Promise<NatsConnection> => connect({ servers: url, noAsyncTraces: true });
