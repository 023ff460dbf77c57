/** @myelin/workers: processes, started by their files (`gateway/main.ts`, `recorder/main.ts`, `agent/main.ts`). */

// For users: the neuron that answers from Markdown files, for a worker of your own.
export { docsAnswerer } from "./docs-answerer.ts";
export type { DocsAnswer, DocsAnswererOptions } from "./docs-answerer.ts";

// For siblings: what the processes read from the environment.
export { VARIABLES } from "./variables.ts";
export type { Variable, VariableName } from "./variables.ts";
