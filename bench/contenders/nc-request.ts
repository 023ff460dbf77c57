/** NATS' own request and reply, with the client's one multiplexed inbox. */
import type { Contender } from "./contender.ts";
import { connectNats } from "./hand-pub-sub.ts";
import { answerJob, TIMEOUT_MS, type Answer, type Job } from "./job.ts";

const SUBJECT = "bench.request.task";

export const ncRequest: Contender = {
  async startWorker(url) {
    const nc = await connectNats(url);
    nc.subscribe(SUBJECT, {
      queue: "workers",
      callback: (error, message) => {
        if (error) return;
        void answerJob(message.json<Job>()).then((answer) => message.respond(JSON.stringify(answer)));
      },
    });
    await nc.flush();
    return { [Symbol.asyncDispose]: () => nc.drain() };
  },

  async startDispatcher(url) {
    const nc = await connectNats(url);
    return {
      async dispatch(job) {
        const reply = await nc.request(SUBJECT, JSON.stringify(job), { timeout: TIMEOUT_MS });
        return reply.json<Answer>();
      },
      [Symbol.asyncDispose]: () => nc.drain(),
    };
  },
};
