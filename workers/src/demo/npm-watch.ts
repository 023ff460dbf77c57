/**
 * Watches the npm that started us. Its kill -9 reaches neither the shell between us nor us, and a kept demo would then
 * run on with nobody to end it.
 */
import { readFileSync } from "node:fs";

const LOOK_MS = 250;

/**
 * Call `onGone` once when npm, or the shell that it ran us with, is gone. Does nothing when npm did not start us: a
 * program may outlive the shell that it was started from.
 */
export function watchNpm(onGone: () => void): Disposable {
  if (process.env["npm_lifecycle_event"] === undefined) return { [Symbol.dispose]: () => {} };
  const ancestors = () => `${process.ppid} ${parentOf(process.ppid)}`;
  const before = ancestors();
  const timer = setInterval(() => {
    if (ancestors() === before) return;
    clearInterval(timer);
    onGone();
  }, LOOK_MS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Of another process. Null where there is no /proc: then only our own parent is watched. */
function parentOf(pid: number): string | null {
  try {
    // The name in parentheses may hold anything, so fields are counted from behind it.
    return /.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? null;
  } catch {
    return null;
  }
}
