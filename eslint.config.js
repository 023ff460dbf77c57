/**
 * Lint: what the types cannot say. Every rule here is seen to fire by test/architecture/lint.test.ts.
 * The floors (who may import whom) are in test/architecture/floors.json.
 */
import js from "@eslint/js";
import { createTypeScriptImportResolver } from "eslint-import-resolver-typescript";
import importX from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";
import { floorRules, WORKSPACES } from "./scripts/floor-rules.mjs";

/** Where processes are made. Everything else is a library: silent, told its options, and never the one to exit. */
const PROCESSES = [
  "workers/**",
  "scripts/**",
  "bench/**",
  "chaos/**",
  "examples/**",
  "test/**",
  "**/*.test.ts",
  "*.config.*",
];
const TESTS = [
  "**/*.test.ts",
  "**/*.test-d.ts",
  "test/**/*.ts",
  "bench/**/*.ts",
  "chaos/**/*.ts",
  "examples/**/*.ts",
  "scripts/**/*.ts",
];

const ENV = {
  object: "process",
  property: "env",
  message:
    "A library is told its options; only workers, scripts, bench, chaos, examples and tests read the environment.",
};
const EXIT = { object: "process", property: "exit", message: "A library throws; only a process of ours may exit." };

/** Tests that pass without having tested. */
const TEST_TRAPS = [
  {
    selector: "CallExpression[callee.object.name=/^(?:test|it|describe)$/][callee.property.name='only']",
    message: "A focused test silences all others of its file.",
  },
  {
    selector: "CatchClause CallExpression[callee.name='expect']",
    message: "An expect in a catch is skipped when nothing throws: use `await expect(…).rejects`.",
  },
];

export default tseslint.config(
  { ignores: ["**/dist/", "**/node_modules/", ".myelin/", "packages/runs/src/generated/", "bench/peers/"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  {
    files: ["**/*.js", "**/*.mjs"],
    languageOptions: {
      globals: Object.fromEntries(Object.getOwnPropertyNames(globalThis).map((name) => [name, "readonly"])),
    },
  },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { "import-x": importX },
    settings: {
      // Without these, no-cycle does not look into .ts files, and is silent on a real cycle.
      "import-x/extensions": [".ts", ".js", ".mjs"],
      "import-x/parsers": { "@typescript-eslint/parser": [".ts"] },
      "import-x/resolver-next": [
        createTypeScriptImportResolver({
          project: "tsconfig.json",
          conditionNames: ["source", "types", "import", "node", "default"],
        }),
      ],
    },
    rules: {
      "import-x/no-cycle": ["error", { ignoreExternal: true }],
      "import-x/no-extraneous-dependencies": [
        "error",
        { includeInternal: true, includeTypes: true, devDependencies: false },
      ],
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      // What an interface promises as a Promise is written `async`, so that a throw becomes a rejection.
      "@typescript-eslint/require-await": "off",
      // Servers and connections here are plain objects made of closures: their methods need no `this`.
      "@typescript-eslint/unbound-method": "off",
      // What was caught or is an abort's reason is passed on as it is, whatever it is.
      "@typescript-eslint/only-throw-error": ["error", { allowThrowingAny: false, allowThrowingUnknown: true }],
      "@typescript-eslint/prefer-promise-reject-errors": ["error", { allowThrowingUnknown: true }],
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true },
      ],
      "no-console": "error",
      "no-restricted-properties": ["error", ENV, EXIT],
    },
  },
  ...floorRules(),
  {
    // Starting servers is reading PATH and NATS_SERVER_BIN, and handing an environment to a child.
    files: ["packages/dev/**"],
    rules: { "no-restricted-properties": ["error", EXIT] },
  },
  {
    files: PROCESSES,
    rules: { "no-console": "off", "no-restricted-properties": "off" },
  },
  {
    // What only a test imports is declared in the root; the rest in some workspace.
    files: [...TESTS, "*.config.ts"],
    rules: {
      "import-x/no-extraneous-dependencies": [
        "error",
        {
          includeInternal: true,
          includeTypes: true,
          packageDir: [".", ...WORKSPACES].map((folder) => `${import.meta.dirname}/${folder}`),
        },
      ],
    },
  },
  {
    files: TESTS,
    rules: {
      "no-restricted-syntax": ["error", ...TEST_TRAPS],
      // Tests read JSON of every kind, and throw, and hand over, the wrong things on purpose.
      "@typescript-eslint/only-throw-error": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
    },
  },
  { files: ["*.config.ts"], extends: [tseslint.configs.disableTypeChecked] },
);
