/**
 * What one writes by hand for work that must not be lost: the task is stored (`js.publish` with a message id), a durable
 * pull consumer shared by the workers delivers it (`consume`, explicit acknowledgement), the reply is stored before the
 * task is acknowledged, and the stream republishes it to the process that waits. As durable as ours in both directions;
 * none of the rest: no lease extension, no repair of a missed reply, no roster, no deadline, no cancel, no validation.
 */
import {
  AckPolicy,
  DiscardPolicy,
  jetstream,
  jetstreamManager,
  StorageType,
  type JetStreamManager,
} from "@nats-io/jetstream";
import { nuid, type NatsConnection } from "@nats-io/transport-node";
import type { Contender } from "./contender.ts";
import { connectNats } from "./hand-pub-sub.ts";
import { answerJob, TIMEOUT_MS, type Answer, type Job } from "./job.ts";

const STREAM = "BENCH_HAND";
const CONSUMER = "workers";
const TASK_SUBJECT = "bench.put.task";
const SECOND_NS = 1_000_000_000;

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
  timer: NodeJS.Timeout;
}
interface TaskMessage {
  id: string;
  replyTo: string;
  job: Job;
}
interface ReplyMessage {
  id: string;
  answer: Answer;
}

export const handJetStream: Contender = {
  async startWorker(url) {
    const nc = await connectNats(url);
    const jsm = await openStream(nc);
    await jsm.consumers.add(STREAM, {
      durable_name: CONSUMER,
      ack_policy: AckPolicy.Explicit,
      ack_wait: 30 * SECOND_NS,
      max_ack_pending: 10_000,
      filter_subject: TASK_SUBJECT,
    });
    const js = jetstream(nc);
    const consumer = await js.consumers.get(STREAM, CONSUMER);
    const messages = await consumer.consume({
      max_messages: 256,
      callback: (message) => {
        const { id, replyTo, job } = message.json<TaskMessage>();
        void answerJob(job)
          .then((answer) => {
            const reply: ReplyMessage = { id, answer };
            return js.publish(`bench.put.reply.${replyTo}`, JSON.stringify(reply), { msgID: `${id}.reply` });
          })
          .then(
            () => message.ack(),
            () => message.nak(1_000),
          );
      },
    });
    return {
      async [Symbol.asyncDispose]() {
        await messages.close();
        await nc.drain();
      },
    };
  },

  async startDispatcher(url) {
    const nc = await connectNats(url);
    await openStream(nc);
    const js = jetstream(nc);
    const replyTo = nuid.next();
    const waiting = new Map<string, Waiting>();
    let lastId = 0;
    nc.subscribe(`bench.log.reply.${replyTo}`, {
      callback: (error, message) => {
        if (error) return;
        const { id, answer } = message.json<ReplyMessage>();
        const one = take(id);
        one?.resolve(answer);
      },
    });
    await nc.flush();

    function take(id: string): Waiting | undefined {
      const one = waiting.get(id);
      if (one) {
        waiting.delete(id);
        clearTimeout(one.timer);
      }
      return one;
    }
    return {
      dispatch: (job) =>
        new Promise((resolve, reject) => {
          const id = `${replyTo}.${++lastId}`;
          const timer = setTimeout(() => take(id)?.reject(new Error("timeout")), TIMEOUT_MS);
          waiting.set(id, { resolve, reject, timer });
          const task: TaskMessage = { id, replyTo, job };
          js.publish(TASK_SUBJECT, JSON.stringify(task), { msgID: id }).catch((error: unknown) =>
            take(id)?.reject(error),
          );
        }),
      [Symbol.asyncDispose]: () => nc.drain(),
    };
  },
};

async function openStream(nc: NatsConnection): Promise<JetStreamManager> {
  const jsm = await jetstreamManager(nc);
  await jsm.streams.add({
    name: STREAM,
    subjects: ["bench.put.>"],
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    duplicate_window: 120 * SECOND_NS,
    republish: { src: "bench.put.>", dest: "bench.log.>" },
  });
  return jsm;
}
