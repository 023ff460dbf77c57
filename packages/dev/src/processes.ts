/** The processes that run on this machine, as far as starting servers needs to know. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

export interface RunningProcess {
  readonly pid: number;
  /** First of them the program. */
  readonly args: readonly string[];
}

/**
 * A process whose arguments say `-D` or `-sd` and this directory or one below it: a server, or the watcher of one.
 *
 * nats-server does not lock its store, so two of them would spoil it. Looking at the running processes leaves no lock
 * behind that a crash or a reused pid could turn into a lie. Not seen: a server in another container.
 */
export async function findProcessUsing(directory: string): Promise<{ pid: number; program: string } | undefined> {
  for (const { pid, args } of await listProcesses()) {
    const uses = args.some((arg, at) => isDirectoryFlag(args[at - 1]) && isWithin(arg, directory));
    if (uses) return { pid, program: path.basename(args[0] ?? "") };
  }
  return undefined;
}

/** All processes that we may see: /proc on Linux (slim images have no `ps`), `ps` elsewhere. */
export async function listProcesses(): Promise<RunningProcess[]> {
  if (!existsSync("/proc/self/cmdline")) return listWithPs();
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  return Promise.all(
    pids.map(async (pid) => {
      // A process that has just ended has no arguments any more.
      const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      return { pid: Number(pid), args: line.split("\0") };
    }),
  );
}

async function listWithPs(): Promise<RunningProcess[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,args="], { maxBuffer: 16 * 1024 * 1024 });
  return stdout.split("\n").map((line) => {
    const [pid = "", ...args] = line.trim().split(/\s+/);
    return { pid: Number(pid), args };
  });
}

const isDirectoryFlag = (arg: string | undefined) => arg === "-D" || arg === "-sd";
const isWithin = (file: string, directory: string) => file === directory || file.startsWith(directory + path.sep);
