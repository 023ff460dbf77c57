/**
 * The user a server runs as, when we are root.
 *
 * PostgreSQL refuses root, and a nats-server of an npm package should not have it. So as root we run both as the
 * unprivileged user 65534 ("nobody"), or as the owner of a data directory that an ordinary user made.
 */
import { stat } from "node:fs/promises";
import path from "node:path";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export const NOBODY: Owner = { uid: 65_534, gid: 65_534 };

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The owner for servers without a data directory: `NOBODY` for root, undefined (ourselves) for everybody else. */
export function unprivilegedOwner(): Owner | undefined {
  return isRoot() ? NOBODY : undefined;
}

/** Whether `owner` may enter every directory down to and including `directory`. ACLs are not considered. */
export async function canEnter(directory: string, owner: Owner | undefined): Promise<boolean> {
  if (owner === undefined) return true;
  for (let at = path.resolve(directory); ; at = path.dirname(at)) {
    if (!(await hasBit(at, owner, 0o1))) return false;
    if (at === path.dirname(at)) return true;
  }
}

/** Whether `owner` (default: ourselves) may reach and execute `file`. */
export async function canExecute(file: string, owner: Owner | undefined): Promise<boolean> {
  const us = owner ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  return (await hasBit(file, us, 0o5)) && (await canEnter(path.dirname(file), owner));
}

async function hasBit(file: string, { uid, gid }: Owner, bits: number): Promise<boolean> {
  const facts = await stat(file);
  const shift = facts.uid === uid ? 6 : facts.gid === gid ? 3 : 0;
  return ((facts.mode >> shift) & bits) === bits;
}
