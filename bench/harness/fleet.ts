/** Fleet: one contender at work: a dispatcher process and two worker processes, connected to one nats-server. */
import type { ContenderName } from "../contenders/contender.ts";
import type { BenchProcess } from "./bench-process.ts";
import { toSample, type Round, type Sample } from "./statistics.ts";

/** Two, because that is what a fleet is for: each task goes to one of them. */
const WORKERS = 2;
/** A function is compiled for good after some thousand calls, and a worker gets half of them. */
const WARM_UP_DISPATCHES = 20_000;
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
  readonly #workers: readonly BenchProcess[];
  #warm: Promise<void> | undefined;

  private constructor(dispatcher: BenchProcess, workers: readonly BenchProcess[]) {
    this.#dispatcher = dispatcher;
    this.#workers = workers;
  }

  /** Fork the processes and connect them, workers first. */
  static async start(
    contender: ContenderName,
    url: string,
    fork: (program: "harness/fleet-process.ts") => Promise<BenchProcess>,
  ): Promise<Fleet> {
    const forks = Array.from({ length: 1 + WORKERS }, () => fork("harness/fleet-process.ts"));
    const [dispatcher, ...workers] = await Promise.all(forks);
    const start = (role: StartArgument["role"]): StartArgument => ({ role, contender, url });
    await Promise.all(workers.map((worker) => worker.call("start", start("worker"))));
    await dispatcher!.call("start", start("dispatcher"));
    return new Fleet(dispatcher!, workers);
  }

  /** Dispatch until the compilers have made up their minds, `maxMs` at most. Once; then it returns at once. */
  warmUp(maxMs: number): Promise<void> {
    return (this.#warm ??= this.#warmUp(maxMs));
  }

  async #warmUp(maxMs: number): Promise<void> {
    const startedAt = performance.now();
    for (let done = 0; done < WARM_UP_DISPATCHES && performance.now() - startedAt < maxMs;) {
      done += (await this.#dispatcher.call<Round>("measure", { inFlight: 64, durationMs: 100 })).count;
    }
  }

  /** Keep `inFlight` dispatches going for `durationMs`. */
  async measure(argument: MeasureArgument): Promise<Sample> {
    const before = await this.#cpuUs();
    const round = await this.#dispatcher.call<Round>("measure", argument);
    return toSample(round, (await this.#cpuUs()) - before);
  }

  async #cpuUs(): Promise<number> {
    const used = await Promise.all([this.#dispatcher, ...this.#workers].map((one) => one.call<number>("cpuUs")));
    return used.reduce((sum, one) => sum + one, 0);
  }
}
