/**
 * Own work: what this process did itself, counted where it happens, in every process. Sums over processes are right,
 * because no two processes do the same work. What the namespace did is in namespace-metrics.ts, and never here.
 */
import type { GatewayObserver } from "@myelin/http";
import type { Dendrite, DendriteObserver } from "myelin";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { boundedLabel } from "./registry.ts";

/** From a hop on loopback (1 ms) to a model that thinks (5 min). */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** Register the metrics of a Dendrite's own work. Give it `observer`, and call `watch` with it. */
export function dendriteMetrics(registry: Registry): {
  readonly observer: DendriteObserver;
  watch(dendrite: Pick<Dendrite, "stats">): void;
} {
  const registers = [registry];
  const dispatched = new Counter({
    name: "myelin_dispatches_total",
    help: "Tasks this process sent.",
    labelNames: ["neuron", "delivery"],
    registers,
  });
  const replied = new Histogram({
    name: "myelin_dispatch_seconds",
    help: "Time from dispatchAndWait to what settled it: output, paused, timeout, aborted, or the error's code.",
    labelNames: ["neuron", "outcome"],
    buckets: SECONDS,
    registers,
  });
  const tasks = new Histogram({
    name: "myelin_task_seconds",
    help: "Time a neuron of this process took for a task, by the type of its reply.",
    labelNames: ["neuron", "outcome"],
    buckets: SECONDS,
    registers,
  });
  const badMessages = new Counter({
    name: "myelin_bad_messages_total",
    help: "Messages from the bus that were no Signal.",
    labelNames: ["code"],
    registers,
  });
  const neuronLabel = boundedLabel();
  const outcomeLabel = boundedLabel();

  return {
    observer: {
      dispatched: ({ neuron, delivery }) => dispatched.inc({ neuron: neuronLabel(neuron), delivery }),
      settled: ({ neuron, outcome, ms }) =>
        replied.observe({ neuron: neuronLabel(neuron), outcome: outcomeLabel(outcome) }, ms / 1_000),
      taskEnded: ({ neuron, outcome, ms }) => tasks.observe({ neuron, outcome }, ms / 1_000),
      badMessage: ({ code }) => badMessages.inc({ code }),
    },
    watch(dendrite) {
      new Gauge({
        name: "myelin_dispatches_in_flight",
        help: "dispatchAndWait calls of this process that wait for their reply.",
        registers,
        collect() {
          this.set(dendrite.stats().waiting);
        },
      });
      new Gauge({
        name: "myelin_tasks_in_flight",
        help: "Tasks that neurons of this process work on.",
        registers,
        collect() {
          this.set(dendrite.stats().running);
        },
      });
      new Counter({
        name: "myelin_pulls_total",
        help: "How often this process asked the log for work.",
        registers,
        collect() {
          this.reset();
          this.inc(dendrite.stats().pulls);
        },
      });
    },
  };
}

/** Register the metrics of HTTP requests. */
export function httpMetrics(registry: Registry): GatewayObserver {
  const requests = new Histogram({
    name: "myelin_http_request_seconds",
    help: "Time from a request to its response, by route and status. 499: the client left before.",
    labelNames: ["route", "method", "status"],
    buckets: SECONDS,
    registers: [registry],
  });
  return {
    requestEnded: ({ route, method, status, ms }) => requests.observe({ route, method, status }, ms / 1_000),
  };
}
