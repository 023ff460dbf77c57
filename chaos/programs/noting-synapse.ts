/** A Synapse that notes every append: what was acknowledged to this process must be in the log at the end. */
import type { Bus, Signal, Synapse } from "@myelin/bus";
import type { FactFile } from "./fact-file.ts";

/** Wrap a Synapse: all namespaces opened through it note their appends. */
export function notingSynapse(synapse: Synapse, facts: FactFile): Synapse {
  const open: Synapse["open"] = async (...args) => notingBus(await synapse.open(...args), facts);
  return delegate(synapse, { open });
}

function notingBus(bus: Bus, facts: FactFile): Bus {
  const append: Bus["append"] = async (signal, options) => {
    const { type, id } = signal;
    const run = signal.meta.run_id ?? "";
    try {
      const { seq, duplicate } = await bus.append(signal, options);
      facts.note({ fact: "acknowledged", seq, duplicate, id, type, run, ...ofTask(signal) });
      return { seq, duplicate };
    } catch (error) {
      facts.note({ fact: "refused", type, run, code: codeOf(error) });
      throw error;
    }
  };
  return delegate(bus, { append });
}

const ofTask = (signal: Signal): { op?: string } =>
  signal.type === "TASK" ? { op: String(signal.payload.input["op"]) } : {};

/** What an error calls itself: errors of the bus have a `code`, those of a Dendrite a `kind`. */
export function codeOf(error: unknown): string {
  const { code, kind, name } = error as { code?: unknown; kind?: unknown; name?: unknown };
  return String(code ?? kind ?? name);
}

/** `target` with some methods of one's own. The others run on the target itself, which has private fields. */
function delegate<T extends object>(target: T, own: Partial<T>): T {
  return new Proxy(target, {
    get(_target, key) {
      if (Object.hasOwn(own, key)) return own[key as keyof T];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
