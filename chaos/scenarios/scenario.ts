/** Scenario: a story of faults under load. It starts processes and breaks things; the runner ends the load and checks. */
import type { World, WorldOptions } from "../world/world.ts";

export interface Scenario {
  readonly name: string;
  /** What happens, in one sentence. */
  readonly about: string;
  /** Right answers that a run needs at least: else everything may have failed politely. */
  readonly minimum: { readonly quick: number; readonly full: number };
  /** What its world is made of, where that differs from the usual. */
  readonly options?: WorldOptions | undefined;
  /** Resolves when the last fault is over. Processes that still run are finished by the runner. */
  run(world: World): Promise<void>;
}
