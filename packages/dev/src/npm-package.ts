/** Find the directory of an installed npm package, whatever its `exports` say. */
import { existsSync, realpathSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** Look in every `node_modules` from `from` upwards, as Node does. Undefined when it is not installed. */
export function findPackageDirectory(name: string, from = fileURLToPath(import.meta.url)): string | undefined {
  for (let at = path.dirname(from); ; at = path.dirname(at)) {
    const directory = path.join(at, "node_modules", name);
    if (existsSync(path.join(directory, "package.json"))) return realpathSync(directory);
    if (at === path.dirname(at)) return undefined;
  }
}
