/** Fleet: one contender at work: a dispatcher process and two worker processes, connected to one nats-server. */
import type { ContenderName } from "../contenders/contender.ts";
import type { BenchProcess } from "./bench-process.ts";
import type { Sample } from "./statistics.ts";

/** Two, because that is what a fleet is for: each task goes to one of them. */
const WORKERS = 2;
const PROGRAM = new URL("./fleet-process.ts", import.meta.url);

export interface StartArgument {
  readonly role: "worker" | "dispatcher";
  readonly contender: ContenderName;
  readonly url: string;
}
export interface MeasureArgument {
  /** How many dispatches wait for their reply at any time. */
  readonly inFlight: number;
  readonly durationMs: number;
}

export class Fleet {
  readonly #dispatcher: BenchProcess;

  private constructor(dispatcher: BenchProcess) {
    this.#dispatcher = dispatcher;
  }

  /** Fork the processes and connect them, workers first. */
  static async start(contender: ContenderName, url: string, fork: (file: URL) => BenchProcess): Promise<Fleet> {
    const [dispatcher, ...workers] = Array.from({ length: 1 + WORKERS }, () => fork(PROGRAM));
    const start = (role: StartArgument["role"]): StartArgument => ({ role, contender, url });
    await Promise.all(workers.map((worker) => worker.call("start", start("worker"))));
    await dispatcher!.call("start", start("dispatcher"));
    return new Fleet(dispatcher!);
  }

  /** Keep `inFlight` dispatches going for `durationMs`. */
  measure(argument: MeasureArgument): Promise<Sample> {
    return this.#dispatcher.call<Sample>("measure", argument);
  }
}
