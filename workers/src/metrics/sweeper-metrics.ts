/** Sweeper metrics: what time ended, and how late. */
import type { SweeperObserver } from "@myelin/runs";
import { Histogram, type Registry } from "prom-client";
import { boundedLabel } from "./registry.ts";

/** Register the metrics of a Sweeper. Give it what this returns as its observer. */
export function sweeperMetrics(registry: Registry): SweeperObserver {
  const late = new Histogram({
    name: "myelin_sweeper_late_seconds",
    help: "Time from the deadline of a run nobody answered to its ERROR in the log. Its count is how many there were.",
    labelNames: ["neuron"],
    buckets: [0.5, 0.75, 1, 2, 5, 10, 30, 60, 300, 3_600],
    registers: [registry],
  });
  const neuronLabel = boundedLabel();
  return {
    runEnded: ({ neuronId, lateMs }) => late.observe({ neuron: neuronLabel(neuronId ?? "unknown") }, lateMs / 1_000),
  };
}
