/**
 * scale/…: what happens to a fleet that grows. Eight worker processes against one; a hundred idle workers and fifty idle
 * dispatchers that only listen; a thousand neurons to choose from.
 */
import { readFileSync } from "node:fs";
import type { BenchCase } from "../harness/bench-case.ts";
import type { BenchProcess } from "../harness/bench-process.ts";
import type { Environment } from "../harness/environment.ts";
import { interleave } from "../harness/rounds.ts";
import { ratio, spread, toSample, type Round, type Sample } from "../harness/statistics.ts";
import type { AskArgument, HostArgument } from "./scale-process.ts";

const PROGRAM = "cases/scale-process.ts";
const NEURON = "answerer";

/** 200 ms of sleep, so that the processors have nothing to do and only the fleet is measured. */
const WORK_MS = 200;
const SLOTS = 4;
const ONE_ROUND_MS = 4_000;

const IDLE_WORKERS = 100;
const IDLE_DISPATCHERS = 50;
/** Processes the idle peers live in: each peer has a connection and a Dendrite of its own. */
const PEER_PROCESSES = 5;

const NEURONS = 1_000;

export const scaleCases: readonly BenchCase[] = [
  {
    name: "scale/workers/8",
    isQuick: false,
    async run(environment, { rounds }) {
      const url = await environment.natsUrl("default");
      const eight = await fleet(environment, url, "scale-8", 8, { concurrency: SLOTS, workMs: WORK_MS });
      const one = await fleet(environment, url, "scale-1", 1, { concurrency: SLOTS, workMs: WORK_MS });
      // Twice as many as there are slots: whoever is free finds work.
      const load = (slots: number) => ({ inFlight: slots * 2, durationMs: ONE_ROUND_MS });
      const [ours, theirs] = await inTurn(
        () => eight.ask(load(8 * SLOTS)),
        () => one.ask(load(SLOTS)),
        Math.min(rounds, 3),
      );
      await Promise.all([eight.stop(), one.stop()]);
      return {
        contenders: [
          { name: "eight", samples: ours },
          { name: "oneWorker", samples: theirs },
        ],
        ratios: { oneWorker: { ...ratio(ours, theirs), target: 7.5 } },
      };
    },
  },
  {
    name: "scale/idle-peers",
    isQuick: false,
    async run(environment, { rounds, roundMs }) {
      const [crowded, empty] = await Promise.all([environment.natsServer(), environment.natsServer()]);
      const namespace = "scale-peers";
      const options = { concurrency: 64, workMs: 0 };
      const among = await fleet(environment, crowded.url, namespace, 2, options);
      const alone = await fleet(environment, empty.url, namespace, 2, options);
      const peers = await Promise.all(peerHosts(crowded.url, namespace).map((host) => hostOn(environment, host)));
      const load = { inFlight: 16, durationMs: Math.max(roundMs, 1_000) };
      const [ours, theirs] = await inTurn(
        () => among.ask(load, crowded.pid),
        () => alone.ask(load, empty.pid),
        rounds,
      );
      await Promise.all([among.stop(), alone.stop(), ...peers.map((peer) => peer.stop())]);
      const cost = spread(ours.map((sample, at) => sample.cpuUs! / theirs[at]!.cpuUs!));
      return {
        contenders: [
          { name: "among peers", samples: ours },
          { name: "noPeers", samples: theirs },
        ],
        ratios: { noPeers: { median: 1 / cost.median, min: 1 / cost.max, max: 1 / cost.min, target: 0.91 } },
        notes: [
          `${IDLE_WORKERS} idle workers and ${IDLE_DISPATCHERS} idle dispatchers, a connection each, in ${PEER_PROCESSES} processes`,
          "the ratio is of processor time per dispatch, of the busy processes and their server: theirs/ours",
        ],
      };
    },
  },
  {
    name: "scale/neurons",
    isQuick: false,
    async run(environment, { rounds, roundMs }) {
      const url = await environment.natsUrl("default");
      const options = { concurrency: 16, workMs: 0, capabilities: ["answering"] };
      const among = await fleet(environment, url, "scale-neurons", 1, options);
      const alone = await fleet(environment, url, "scale-neuron", 1, options);
      const neurons = Array.from({ length: NEURONS - 1 }, (_, n) => `other-${n}`);
      const crowd = await hostOn(environment, {
        url,
        namespace: "scale-neurons",
        dendrites: [{ neurons }],
        concurrency: 1,
        workMs: 0,
        capabilities: ["another"],
      });
      const load = { inFlight: 1, durationMs: roundMs, to: { capabilities: ["answering"] } };
      const [ours, theirs] = await inTurn(
        () => among.ask(load),
        () => alone.ask(load),
        rounds,
      );
      await Promise.all([among.stop(), alone.stop(), crowd.stop()]);
      const addedUs = spread(ours.map((sample, at) => (sample.p50Ms! - theirs[at]!.p50Ms!) * 1_000)).median;
      return {
        contenders: [
          { name: `of ${NEURONS}`, samples: ours },
          { name: "of one", samples: theirs },
        ],
        ratios: {},
        figures: { addedUsAtMedian: { value: addedUs, target: 1_000 } },
      };
    },
  },
];

/** Measure both in turn, as every case does. Ours first. */
async function inTurn(
  ours: () => Promise<Sample>,
  theirs: () => Promise<Sample>,
  rounds: number,
): Promise<[Sample[], Sample[]]> {
  const contenders = [
    { name: "ours", measure: ours },
    { name: "theirs", measure: theirs },
  ];
  const samples = await interleave(contenders, rounds);
  return [samples.get("ours")!, samples.get("theirs")!];
}

/** Worker processes of one neuron, and a process that dispatches to it. */
async function fleet(
  environment: Environment,
  url: string,
  namespace: string,
  workers: number,
  options: Pick<HostArgument, "concurrency" | "workMs" | "capabilities">,
) {
  const host: HostArgument = { ...options, url, namespace, dendrites: [{ neurons: [NEURON] }] };
  const hosts = await Promise.all(Array.from({ length: workers }, () => hostOn(environment, host)));
  const dispatcher = await environment.process(PROGRAM, true);
  const busy = [dispatcher, ...hosts];
  return {
    /** Processor time is of these processes, and of the server when its pid is given. */
    async ask(
      { to = { neuron: NEURON }, ...load }: Pick<AskArgument, "inFlight" | "durationMs"> & Partial<AskArgument>,
      serverPid?: number,
    ): Promise<Sample> {
      const before = await cpuUs(busy, serverPid);
      const round = await dispatcher.call<Round>("ask", { ...load, to, url, namespace } satisfies AskArgument);
      return toSample(round, (await cpuUs(busy, serverPid)) - before);
    },
    stop: () => Promise.all(busy.map((one) => one.stop())),
  };
}

async function hostOn(environment: Environment, argument: HostArgument): Promise<BenchProcess> {
  const host = await environment.process(PROGRAM, true);
  await host.call("host", argument);
  return host;
}

function peerHosts(url: string, namespace: string): HostArgument[] {
  return Array.from({ length: PEER_PROCESSES }, (_, at) => {
    const workers = Array.from({ length: IDLE_WORKERS / PEER_PROCESSES }, (_, n) => ({ neurons: [`idle-${at}-${n}`] }));
    const dispatchers = Array.from({ length: IDLE_DISPATCHERS / PEER_PROCESSES }, () => ({ neurons: [] }));
    return { url, namespace, dendrites: [...workers, ...dispatchers], concurrency: 8, workMs: 0 };
  });
}

async function cpuUs(processes: readonly BenchProcess[], serverPid: number | undefined): Promise<number> {
  const used = await Promise.all(processes.map((one) => one.call<number>("cpuUs")));
  return used.reduce((sum, one) => sum + one, serverPid === undefined ? 0 : serverCpuUs(serverPid));
}

/** User and system time of a process, as Linux counts it: in hundredths of a second. */
function serverCpuUs(pid: number): number {
  // The name, in brackets, may hold spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
