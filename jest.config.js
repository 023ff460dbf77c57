/**
 * One project: real NATS and real Postgres are started once by the global setup and shared; every file takes a
 * namespace and a database of its own.
 */
export default {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  testMatch: ["**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/dist/", "/.myelin/", "<rootDir>/bench/peers/"],
  modulePathIgnorePatterns: ["/dist/", "<rootDir>/.myelin/"],
  // Packages are run from their sources, through the `source` condition of their exports.
  // Its `source` is TypeScript, which is not compiled under node_modules.
  moduleNameMapper: {
    "^eventsource-parser/stream$": "<rootDir>/node_modules/eventsource-parser/dist/stream.js",
  },
  testEnvironmentOptions: { customExportConditions: ["source", "node", "node-addons"] },
  transform: {
    "\\.ts$": [
      "@swc/jest",
      {
        jsc: {
          target: "es2022",
          parser: { syntax: "typescript", decorators: true },
          transform: { decoratorVersion: "2022-03" },
        },
        module: { type: "es6" },
        sourceMaps: "inline",
      },
    ],
  },
  testSequencer: "<rootDir>/test/helpers/sequencer.mjs",
  globalSetup: "<rootDir>/test/helpers/global-setup.ts",
  globalTeardown: "<rootDir>/test/helpers/global-teardown.ts",
  testTimeout: 120_000,
  // Twice the processors of a small machine: many tests wait for processes and leases.
  maxWorkers: 4,
};
