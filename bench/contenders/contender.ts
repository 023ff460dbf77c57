/** A contender: one way to send a job to a worker and get its answer back. */
import type { Answer, Job } from "./job.ts";

export interface JobDispatcher extends AsyncDisposable {
  dispatch(job: Job): Promise<Answer>;
}

export interface Contender {
  /** Serve jobs until disposed. Two processes do this, and each job goes to one of them. */
  startWorker(url: string): Promise<AsyncDisposable>;
  startDispatcher(url: string): Promise<JobDispatcher>;
}

/** Loaded by name in the process that plays it, so that nobody carries the others' code. */
const CONTENDERS = {
  "myelin-transient": async () => (await import("./myelin.ts")).myelinTransient,
  "myelin-durable": async () => (await import("./myelin.ts")).myelinDurable,
  "hand-pub-sub": async () => (await import("./hand-pub-sub.ts")).handPubSub,
  "hand-jetstream": async () => (await import("./hand-jetstream.ts")).handJetStream,
  "nc-request": async () => (await import("./nc-request.ts")).ncRequest,
  moleculer: async () => (await import("./moleculer.ts")).moleculer,
} satisfies Record<string, () => Promise<Contender>>;

export type ContenderName = keyof typeof CONTENDERS;

export const loadContender = (name: ContenderName): Promise<Contender> => CONTENDERS[name]();
