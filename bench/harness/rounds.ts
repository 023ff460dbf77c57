/** Rounds: every contender is measured once per round, so that what the machine does meanwhile happens to all of them. */
import type { Sample } from "./statistics.ts";

export interface Measurable {
  readonly name: string;
  measure(): Promise<Sample>;
}

/**
 * Measure in `rounds` rounds, each in the opposite order of the one before, after one that does not count (connections fill
 * their buffers, the case before is forgotten). Samples by name, one per round.
 */
export async function interleave(contenders: readonly Measurable[], rounds: number): Promise<Map<string, Sample[]>> {
  const samples = new Map(contenders.map(({ name }) => [name, [] as Sample[]]));
  for (let round = -1; round < rounds; round++) {
    const order = round % 2 === 0 ? contenders : [...contenders].reverse();
    for (const contender of order) {
      const sample = await contender.measure();
      if (round >= 0) samples.get(contender.name)!.push(sample);
    }
  }
  return samples;
}
