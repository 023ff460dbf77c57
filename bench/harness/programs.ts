/** The programs of our processes, by the name of their source below bench/. */
import { compilePrograms as compile, type Programs as Compiled } from "../../scripts/compile-programs.ts";

const SOURCES = [
  "cases/agent-process.ts",
  "harness/fleet-process.ts",
  "cases/flow-process.ts",
  "cases/recorder-process.ts",
  "cases/waiting-process.ts",
  "cases/scale-process.ts",
] as const;
export type ProgramName = (typeof SOURCES)[number];
export type Programs = Compiled<ProgramName>;

export const compilePrograms = (): Promise<Programs> => compile("bench", SOURCES);
