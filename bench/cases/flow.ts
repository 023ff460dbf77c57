/**
 * flow/flood: 100,000 tasks are queued for a neuron whose worker is busy. No process may grow with them, and a high task is
 * the next to run.
 */
import { migrate } from "@myelin/runs";
import { readFile } from "node:fs/promises";
import type { BenchCase, Figure } from "../harness/bench-case.ts";
import { quantile } from "../harness/statistics.ts";
import type { RecordArgument, UrgentResult, WorkArgument } from "./flow-process.ts";

const TASKS = 100_000;
const URGENT = 100;
const CONCURRENCY = 4;
const WORK_MS = 20;
const MIB = 1024 ** 2;
const TARGET_RSS_MIB = 256;
/** How much longer a high task may take than on an idle worker: what runs is not interrupted, so it waits for a slot. */
const TARGET_WAIT_MS = WORK_MS;

export const flowCases: readonly BenchCase[] = [floodCase("flow/flood", TASKS)];

function floodCase(name: string, tasks: number): BenchCase {
  return {
    name,
    isQuick: false,
    async run(environment) {
      const server = await environment.natsServer();
      const databaseUrl = await environment.postgresUrl();
      await migrate(databaseUrl);
      const { url } = server;
      const [worker, dispatcher, recorder] = await Promise.all(
        Array.from({ length: 3 }, () => environment.process("cases/flow-process.ts", true)),
      );
      const askUrgent = async () => {
        const { ms } = await dispatcher!.call<UrgentResult>("urgent", URGENT);
        return { p50: quantile(ms, 0.5), p99: quantile(ms, 0.99) };
      };
      const argument: WorkArgument = { url, concurrency: CONCURRENCY, workMs: WORK_MS };
      await worker!.call("work", argument);
      await recorder!.call("record", { url, databaseUrl } satisfies RecordArgument);
      await dispatcher!.call("open", url);
      const idle = await askUrgent();
      const startedAt = performance.now();
      await dispatcher!.call("flood", tasks);
      const floodMs = performance.now() - startedAt;
      const urgent = await askUrgent();
      const pids = {
        worker: await worker!.call<number>("pid"),
        dispatcher: await dispatcher!.call<number>("pid"),
        recorder: await recorder!.call<number>("pid"),
        natsServer: server.pid,
      };
      const figures: Record<string, Figure> = {};
      for (const [process, pid] of Object.entries(pids)) {
        figures[`${process}RssMiB`] = { value: (await peakRssBytes(pid)) / MIB, target: TARGET_RSS_MIB };
      }
      figures["idleP50Ms"] = { value: idle.p50 };
      figures["idleP99Ms"] = { value: idle.p99 };
      figures["urgentP50Ms"] = { value: urgent.p50 };
      figures["urgentP99Ms"] = { value: urgent.p99 };
      figures["urgentWaitMs"] = { value: urgent.p50 - idle.p50, target: TARGET_WAIT_MS };
      for (const one of [worker, dispatcher, recorder]) await one!.stop();
      return {
        contenders: [],
        ratios: {},
        figures,
        notes: [
          `${tasks} tasks queued in ${(floodMs / 1_000).toFixed(1)} s, then ${URGENT} high ones asked for in turn`,
        ],
      };
    },
  };
}

/** The most a process ever had, by Linux' own account. */
async function peakRssBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch((cause: unknown) => {
    throw new Error("flow/flood weighs processes by /proc and runs on Linux only", { cause });
  });
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
