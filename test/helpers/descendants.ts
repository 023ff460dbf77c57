/**
 * Descendants: every process that a program starts, and what those start, collected by looking while it runs; for tests
 * that nothing stays behind. Linux only (/proc).
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";

const LOOK_MS = 20;

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
  readonly #seen = new Map<string, Stat>();
  readonly #args = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  /** Begin to look. `pid` should lead a session of its own, so that its orphans are recognised. */
  constructor(pid: number) {
    const root = readStats().find((stat) => stat.pid === pid);
    if (root) this.#seen.set(key(root), root);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** How many were seen so far, the program itself included. */
  get size(): number {
    return this.#seen.size;
  }

  /** Those that still run: `pid name`. */
  running(): string[] {
    this.#look();
    return readStats()
      .filter((stat) => stat.state !== "Z" && this.#seen.has(key(stat)))
      .map(({ pid, name }) => `${pid} ${name}`);
  }

  /** Directories for temporary files that one of them was given as an argument, and that are there. */
  temporaryDirectories(): string[] {
    this.#look();
    const roots = [...this.#args].flatMap((arg) => (arg.startsWith(`${tmpdir()}/`) ? [arg] : []));
    return roots.filter((directory) => existsSync(directory));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const stats = readStats();
    for (const { pid } of stats.filter((stat) => this.#seen.has(key(stat)))) {
      for (const arg of readArgs(pid)) this.#args.add(arg);
    }
    // A server is a child of ours and leads a session; its watcher is nobody's child and in that session.
    for (let before = -1; before !== this.#seen.size;) {
      before = this.#seen.size;
      const pids = new Set([...this.#seen.values()].map(({ pid }) => pid));
      for (const stat of stats) {
        if (this.#seen.has(key(stat)) || !(pids.has(stat.parent) || pids.has(stat.session))) continue;
        this.#seen.set(key(stat), stat);
      }
    }
  }
}

const key = ({ pid, startedAt }: Stat): string => `${pid} ${startedAt}`;

/** Of a process that has just forked they are still its parent's, so they are read at every look. */
function readArgs(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return []; // it ended meanwhile
  }
}

function readStats(): Stat[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        const text = readFileSync(`/proc/${entry}/stat`, "utf8");
        // The name is in parentheses and may hold anything.
        const name = text.slice(text.indexOf("(") + 1, text.lastIndexOf(")"));
        const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
        const [state = "", parent, , session] = fields;
        return [
          { pid: Number(entry), name, state, parent: Number(parent), session: Number(session), startedAt: fields[19]! },
        ];
      } catch {
        return []; // it ended meanwhile
      }
    });
}
