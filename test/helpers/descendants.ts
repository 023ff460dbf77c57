/**
 * Descendants: every process that a program starts, and what those start, collected by looking while it runs; for tests
 * that nothing stays behind. Linux only (/proc).
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";

const LOOK_MS = 20;
const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));

interface Seen {
  readonly pid: number;
  /** As they were when it was last looked at: of a process that has just forked they are still its parent's. */
  args: readonly string[];
  /** When it was first not there any more, by performance.now(). */
  endedAt: number | null;
}

interface Stat {
  readonly pid: number;
  readonly name: string;
  readonly state: string;
  readonly parent: number;
  readonly session: number;
  /** With the pid it names a process for ever: pids come again. */
  readonly startedAt: string;
}

export class Descendants implements Disposable {
  readonly #seen = new Map<string, Seen>();
  /** Pids that were there at the last look and are nobody of ours; they do not become it, and are not read again. */
  #strangers: ReadonlySet<number> = new Set();
  readonly #timer: NodeJS.Timeout;

  /** Begin to look. `pid` should lead a session of its own, so that its orphans are recognised. */
  constructor(pid: number) {
    const [root] = readStats([pid]);
    if (root) this.#seen.set(key(root), { pid, args: [], endedAt: null });
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** How many were seen so far, the program itself included. */
  get size(): number {
    return this.#seen.size;
  }

  /** Those that still run: `pid name`. */
  running(): string[] {
    this.#look();
    const pids = [...this.#seen.values()].filter(({ endedAt }) => endedAt === null).map(({ pid }) => pid);
    return readStats(pids)
      .filter((stat) => stat.state !== "Z" && this.#seen.has(key(stat)))
      .map(({ pid, name }) => `${pid} ${name}`);
  }

  /** Directories for temporary files that one of them was given as an argument, and that are there. */
  temporaryDirectories(): string[] {
    this.#look();
    const args = new Set([...this.#seen.values()].flatMap((seen) => seen.args));
    // A checkout, or Node itself, may lie below the temporary directory; they are not left behind.
    const isDirectory = (file: string) => statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;
    return [...args].filter((arg) => arg.startsWith(`${tmpdir()}/`) && !arg.startsWith(REPOSITORY) && isDirectory(arg));
  }

  /** When the last of those whose arguments match ended; Infinity while one runs. Throws when there was none. */
  endedAt(pattern: RegExp): number {
    const matching = [...this.#seen.values()].filter(({ args }) => pattern.test(args.join(" ")));
    if (matching.length === 0) throw new Error(`no process was seen whose arguments match ${String(pattern)}`);
    return Math.max(...matching.map(({ endedAt }) => endedAt ?? Infinity));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const pids = listPids();
    const strangers = new Set(pids.filter((pid) => this.#strangers.has(pid)));
    const stats = readStats(pids.filter((pid) => !strangers.has(pid))).filter(({ state }) => state !== "Z");
    // A server is a child of ours and leads a session; its watcher is nobody's child and in that session.
    for (let before = -1; before !== this.#seen.size;) {
      before = this.#seen.size;
      const pids = new Set([...this.#seen.values()].map(({ pid }) => pid));
      for (const stat of stats) {
        if (this.#seen.has(key(stat)) || !(pids.has(stat.parent) || pids.has(stat.session))) continue;
        this.#seen.set(key(stat), { pid: stat.pid, args: [], endedAt: null });
      }
    }
    for (const stat of stats) if (!this.#seen.has(key(stat))) strangers.add(stat.pid);
    this.#strangers = strangers;
    const present = new Set(stats.map(key));
    for (const [id, seen] of this.#seen) {
      if (!present.has(id)) seen.endedAt ??= performance.now();
      else if (seen.endedAt === null) seen.args = readArgs(seen.pid) ?? seen.args;
    }
  }
}

const key = ({ pid, startedAt }: Pick<Stat, "pid" | "startedAt">): string => `${pid} ${startedAt}`;

/** Null when it is gone, or going: then they are empty. */
function readArgs(pid: number): string[] | null {
  try {
    const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return line === "" ? null : line.split("\0");
  } catch {
    return null; // it ended meanwhile
  }
}

function listPids(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

function readStats(pids: readonly number[]): Stat[] {
  return pids.flatMap((pid) => {
    try {
      const text = readFileSync(`/proc/${pid}/stat`, "utf8");
      // The name is in parentheses and may hold anything.
      const name = text.slice(text.indexOf("(") + 1, text.lastIndexOf(")"));
      const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
      const [state = "", parent, , session] = fields;
      return [{ pid, name, state, parent: Number(parent), session: Number(session), startedAt: fields[19]! }];
    } catch {
      return []; // it ended meanwhile
    }
  });
}
