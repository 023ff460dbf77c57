/**
 * Footprint: what a fleet takes up: memory and files of each process, what the nats-server holds for it, rows of tables that
 * do not grow with the work. Reads /proc, so Linux only.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { World } from "./world.ts";

/** A name, such as `worker-1 RSS MB`, and how much of it there is. */
export type Footprint = ReadonlyMap<string, number>;

/** How much more a figure may be at the end than after warming up: a share of it, and this much. */
export interface Slack {
  readonly share: number;
  readonly amount: number;
}

/** By the end of a figure's name. What counts handles may not grow at all, beyond what a moment brings. */
const SLACK: readonly (readonly [suffix: string, slack: Slack])[] = [
  ["RSS MB", { share: 0.25, amount: 30 }],
  ["log MB", { share: 0.5, amount: 1 }],
  ["", { share: 0, amount: 4 }],
];
/** Of the samples: those before are warming up. */
const WARM_UP_SHARE = 0.3;

export async function takeFootprint(world: World): Promise<Footprint> {
  const { monitorUrl } = world;
  if (monitorUrl === null) throw new Error("the world of this scenario is not monitored");
  const footprint = new Map<string, number>();
  for (const { name, pid } of [
    ...world.processes.filter((one) => !one.hasExited),
    { name: "nats-server", pid: world.nats.pid },
  ]) {
    footprint.set(`${name} RSS MB`, residentMb(pid));
    footprint.set(`${name} files`, readdirSync(`/proc/${pid}/fd`).length);
  }
  const { connections, subscriptions } = await ask<{ connections: number; subscriptions: number }>(monitorUrl, "varz");
  footprint.set("connections", connections).set("subscriptions", subscriptions);
  const { consumers } = await ask<{ consumers: number }>(monitorUrl, "jsz");
  footprint.set("consumers", consumers);
  footprint.set("log MB", (await world.onBus((bus) => bus.info())).bytes / 2 ** 20);
  for (const table of ["logs", "recorder_positions", "recorder_gaps", "dead_letters", "workers"]) {
    const [row] = await world.database.query<{ count: string }>(`SELECT count(*) FROM ${table}`);
    footprint.set(`rows of ${table}`, Number(row!.count));
  }
  return footprint;
}

/** What grew, as sentences: the median of the last third against the median of what came after warming up. */
export function findGrowth(samples: readonly Footprint[]): string[] {
  const warm = samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
  const part = Math.max(1, Math.floor(warm.length / 3));
  return [...(warm.at(-1)?.keys() ?? [])].flatMap((name) => {
    const values = warm.map((one) => one.get(name)).filter((one) => one !== undefined);
    const before = median(values.slice(0, part));
    const after = median(values.slice(-part));
    const { share, amount } = SLACK.find(([suffix]) => name.endsWith(suffix))![1];
    if (after <= before * (1 + share) + amount) return [];
    return [`${name} grew from ${before.toFixed(1)} to ${after.toFixed(1)}`];
  });
}

function residentMb(pid: number): number {
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kb) / 1024;
}

async function ask<T>(monitorUrl: string, what: string): Promise<T> {
  return (await (await fetch(`${monitorUrl}/${what}`)).json()) as T;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
