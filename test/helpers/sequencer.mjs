// The order in which Jest starts the test files: the longest first, so that none runs alone at the end. Jest's own order is
// by the times of earlier runs, of which a fresh clone has none.
import { statSync } from "node:fs";

/** Those that take longest: they start servers and processes, and wait for them. */
const LONGEST = [
  "test/e2e/chaos",
  "test/e2e/pack",
  "test/e2e/demo",
  "test/conformance/synapse",
  "test/e2e/crash-matrix",
  "test/e2e/gateway",
  "test/e2e/examples",
  "test/architecture/lint",
  "test/e2e/",
  "test/integration/",
];

/** What Jest asks of a sequencer. */
export default class LongestFirst {
  /** @param {readonly { path: string }[]} tests */
  sort(tests) {
    const keys = new Map(tests.map((test) => [test, [rankOf(test.path), -statSync(test.path).size]]));
    return [...tests].sort((one, other) => {
      const [a, b] = [keys.get(one), keys.get(other)];
      return a[0] - b[0] || a[1] - b[1];
    });
  }

  /** Nothing is remembered: `--onlyFailures` finds none, and runs nothing. */
  allFailedTests() {
    return [];
  }

  cacheResults() {}
}

function rankOf(path) {
  const rank = LONGEST.findIndex((part) => path.includes(`/${part}`));
  return rank < 0 ? LONGEST.length : rank;
}
