/**
 * Copies of binaries that the server's user can reach.
 *
 * A checkout below a 0700 directory (root's home, for one) cannot be entered by the unprivileged user. Its binaries are
 * then copied once into the OS temp directory.
 */
import { chmod, cp, lstat, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import path from "node:path";
import { DevServerError } from "./errors.ts";
import type { Owner } from "./owner.ts";
import { sharedTemporaryDirectory } from "./server-home.ts";

/** Copy the directory `source` to `<tmp>/dev-server-bin-<our uid>/<key>`, once, and return that. */
export async function stageDirectory(
  source: string,
  key: string,
  owner: Owner | undefined,
  onProgress?: (message: string) => void,
): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const root = path.join(await sharedTemporaryDirectory(owner), `dev-server-bin-${uid}`);
  await mkdir(root, { recursive: true });
  // The temp directory is open to everybody: run nothing that another user could have put there.
  const facts = await lstat(root);
  if (!facts.isDirectory() || facts.uid !== uid) {
    throw new DevServerError("data-dir-unusable", `${root} belongs to uid ${facts.uid}: remove it, or set TMPDIR`);
  }
  await chmod(root, 0o755);
  const target = path.join(root, key);
  if (existsSync(target)) return target;
  onProgress?.(`copying ${key} to ${root}, because uid ${owner?.uid ?? uid} cannot run it from ${source}`);
  // Copied beside and renamed: nobody sees half of it, and of two at once one wins.
  const draft = await mkdtemp(`${target}.`);
  try {
    await cp(source, draft, { recursive: true, verbatimSymlinks: true });
    await chmod(draft, 0o755);
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
  return target;
}
