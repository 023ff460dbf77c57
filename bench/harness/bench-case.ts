/** What a benchmark case is, and what comes out of it. */
import type { Environment } from "./environment.ts";
import type { Sample, Spread } from "./statistics.ts";

/** How long a case may look. */
export interface Budget {
  /** How often every contender is measured, interleaved with the others. */
  readonly rounds: number;
  /** How long one measurement of a dispatch takes. */
  readonly roundMs: number;
}

export interface BenchCase {
  /** `group/case`, or `group/case/inflight`. */
  readonly name: string;
  /** Whether `--quick` runs it. */
  readonly isQuick: boolean;
  run(environment: Environment, budget: Budget): Promise<CaseResult>;
}

export interface CaseResult {
  /** Ours first. One sample per round. */
  readonly contenders: readonly { readonly name: string; readonly samples: readonly Sample[] }[];
  /** Ours over theirs, by the name of the peer. */
  readonly ratios: Readonly<Record<string, RatioResult>>;
  /** Plain numbers for which there is no peer, such as `bytesPerWaiting`. */
  readonly figures?: Readonly<Record<string, Figure>>;
  /** Sentences to print below the table, such as why a peer was skipped. */
  readonly notes?: readonly string[];
}

export interface RatioResult extends Spread {
  /** What we want to reach. */
  readonly target?: number | undefined;
}

export interface Figure {
  readonly value: number;
  /** The most it may be. */
  readonly target?: number | undefined;
}
