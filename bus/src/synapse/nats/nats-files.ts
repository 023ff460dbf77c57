/** Files that options name: read, and checked by using them. No content of a file is ever part of an error. */
import { readFileSync } from "node:fs";
import { BusError } from "../../protocol/errors.ts";

/** Throws `INVALID_OPTION` with the option, the path and what is wrong with it. */
export function readOptionFile(option: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    const reason = { ENOENT: "there is no such file", EACCES: "we may not read it", EISDIR: "it is a folder" }[code];
    throw invalid(`${option} ${file} cannot be read: ${reason ?? code}; fix the path`);
  }
}

/** Throws `INVALID_OPTION` with that message if `use` throws. The cause is left out: a parser's words may show what it was given. */
export function checkOptionFile(message: string, use: () => unknown): void {
  try {
    use();
  } catch {
    throw invalid(message);
  }
}

const invalid = (message: string): BusError => new BusError("INVALID_OPTION", message);
