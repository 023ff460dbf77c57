/** Child: one of our processes, started by the demo, which reads its log lines to learn when it is ready. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { spawnNode } from "@myelin/dev";

export type ProcessName = "gateway" | "recorder" | "agent";

/** The event that each logs when it can do its work. */
const READY: { readonly [name in ProcessName]: string } = {
  gateway: "gateway.listening",
  recorder: "recorder.ready",
  agent: "agent.ready",
};

/** A log line of pino, as far as the demo looks. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface ChildOptions {
  readonly name: ProcessName;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Told of warnings, errors, and whatever is no log line. */
  readonly onTrouble: (line: string) => void;
}

export interface Child {
  readonly name: ProcessName;
  readonly pid: number;
  /** What it logged when it became ready. Rejects when it ends before, with its last lines. */
  readonly ready: Promise<LogLine>;
  /** Resolves with a sentence when it ended without having been asked to. */
  readonly died: Promise<string>;
  /** SIGTERM, and SIGKILL after a while. Rejects when it did not end well. Safe to call twice, and after its end. */
  stop(): Promise<void>;
}

const WARN = 40;
const REMEMBERED_LINES = 10;
/** A recorder finishes its batch, a worker its tasks. */
const STOP_MS = 8_000;
/** When we were killed, NATS goes at the same time, and a worker would say goodbye to it for 5 s. */
const ORPHAN_MS = 2_000;

/** Start it from the same kind of file as this one (source or built), with the same flags. */
export function startChild({ name, env, onTrouble }: ChildOptions): Child {
  const here = fileURLToPath(import.meta.url);
  const lines: string[] = [];
  let onReady: (line: LogLine) => void = () => {};
  let isStopping = false;
  const child = spawnNode({
    file: path.join(path.dirname(here), `../${name}/main${path.extname(here)}`),
    execArgv: process.execArgv,
    env: { ...process.env, ...env },
    graceMs: ORPHAN_MS,
    onLine: (text) => {
      const line = parseLine(text);
      if (line?.msg === READY[name]) onReady(line);
      if (line !== null && line.level < WARN) return;
      lines.push(text);
      if (lines.length > REMEMBERED_LINES) lines.shift();
      if (!isStopping) onTrouble(`${name}: ${text}`);
    },
  });
  const describeEnd = async (): Promise<string> => {
    const { code, signal } = await child.exited;
    return `${name} ended with ${signal ?? `code ${code}`}${lines.map((line) => `\n  ${line}`).join("")}`;
  };
  const ready = new Promise<LogLine>((resolve, reject) => {
    onReady = resolve;
    void describeEnd().then((sentence) => reject(new Error(sentence)));
  });
  ready.catch(() => {}); // whoever waits for it hears of it
  return {
    name,
    pid: child.pid,
    ready,
    died: new Promise((resolve) => {
      void describeEnd().then((sentence) => {
        if (!isStopping) resolve(sentence);
      });
    }),
    async stop() {
      isStopping = true;
      const { code, signal } = await child.stop({ graceMs: STOP_MS });
      // SIGTERM is its end when it was still loading, before it listened for signals; SIGINT, when the terminal's came as it
      // was being forked, before it left our process group.
      if (code !== 0 && signal !== "SIGTERM" && signal !== "SIGINT") throw new Error(await describeEnd());
    },
  };
}

function parseLine(text: string): LogLine | null {
  try {
    const line = JSON.parse(text) as LogLine;
    return typeof line.level === "number" ? line : null;
  } catch {
    return null; // a stack, or a complaint for people
  }
}
