/** memory/waiting: what 10,000 dispatches cost a process while they wait for their replies. */
import type { BenchCase } from "../harness/bench-case.ts";
import type { WaitingArgument, WaitingResult } from "./waiting-process.ts";

const WAITING = 10_000;
const TARGET_BYTES = 4_096;

export const waitingCases: readonly BenchCase[] = [
  {
    name: "memory/waiting",
    isQuick: true,
    async run(environment) {
      const url = await environment.natsUrl("default");
      const child = await environment.process("cases/waiting-process.ts", true, ["--expose-gc"]);
      const argument: WaitingArgument = { url, waiting: WAITING };
      const { heapBytes, residentBytes } = await child.call<WaitingResult>("measure", argument);
      await child.stop();
      const perWaiting = (bytes: number) => bytes / WAITING;
      return {
        contenders: [],
        ratios: {},
        figures: {
          // Whichever is more: neither memory that is used nor memory that was taken is for free.
          bytesPerWaiting: { value: perWaiting(Math.max(heapBytes, residentBytes)), target: TARGET_BYTES },
          heapBytesPerWaiting: { value: perWaiting(heapBytes) },
          residentBytesPerWaiting: { value: perWaiting(residentBytes) },
        },
      };
    },
  },
];
