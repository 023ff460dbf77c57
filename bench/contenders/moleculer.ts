/** Moleculer over NATS: a service with one action, called through its broker. Installed in bench/peers at first use. */
import { createRequire } from "node:module";
import type { Contender } from "./contender.ts";
import { answerJob, TIMEOUT_MS, type Answer, type Job } from "./job.ts";

/** The part of Moleculer 0.14 that we call. */
interface MoleculerModule {
  ServiceBroker: new (options: object) => Broker;
}
interface Broker {
  createService(schema: object): unknown;
  start(): Promise<void>;
  stop(): Promise<void>;
  waitForServices(names: string[], timeoutMs: number): Promise<unknown>;
  call(action: string, params: object): Promise<unknown>;
}

const require = createRequire(`${process.env["MYELIN_BENCH_PEERS"]}package.json`);

// Its defaults, without logging, and with the timeout that everybody has: no metrics, no tracing, no validation.
function makeBroker(url: string, nodeID: string): Broker {
  const { ServiceBroker } = require("moleculer") as MoleculerModule;
  return new ServiceBroker({ nodeID, transporter: url, logger: false, requestTimeout: TIMEOUT_MS });
}

export const moleculer: Contender = {
  async startWorker(url) {
    const broker = makeBroker(url, `worker-${process.pid}`);
    broker.createService({
      name: "answerer",
      actions: { answer: (context: { params: Job }) => answerJob(context.params) },
    });
    await broker.start();
    return { [Symbol.asyncDispose]: () => broker.stop() };
  },

  async startDispatcher(url) {
    const broker = makeBroker(url, `dispatcher-${process.pid}`);
    await broker.start();
    await broker.waitForServices(["answerer"], 10_000);
    return {
      dispatch: (job) => broker.call("answerer.answer", job) as Promise<Answer>,
      [Symbol.asyncDispose]: () => broker.stop(),
    };
  },
};
