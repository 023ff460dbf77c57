/** A Synapse with levers: single methods of its buses are replaced, the rest is as it was. */
import type { Bus, Synapse } from "@myelin/bus";

/** Makes a method anew, from the real bus. */
export type BusLevers = { [K in keyof Bus]?: (bus: Bus) => Bus[K] };

export function leveredSynapse(synapse: Synapse, levers: BusLevers): Synapse {
  return replace(synapse, {
    open: async (...args: Parameters<Synapse["open"]>) => {
      const bus = await synapse.open(...args);
      return replace(bus, Object.fromEntries(Object.entries(levers).map(([name, make]) => [name, make(bus)])));
    },
  });
}

function replace<T extends object>(target: T, members: Record<PropertyKey, unknown>): T {
  return new Proxy(target, {
    get: (_target, key) => {
      if (Object.hasOwn(members, key)) return members[key];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
