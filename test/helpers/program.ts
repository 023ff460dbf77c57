/** Program: a Node program of ours in a process of its own, with what it has printed so far. */
import { spawnNode, type NodeProcess, type SpawnNodeOptions } from "@myelin/dev";

export interface Program extends NodeProcess {
  /** Everything it has printed, oldest first. */
  readonly lines: readonly string[];
  /** Resolves with the first line that matches, also one that is there already. Rejects when it exits without it. */
  line(pattern: RegExp): Promise<string>;
}

/** Start a TypeScript file from source; one of compilePrograms, which starts in a fifth of the time, as it is. `env` is added to ours. */
export function startProgram(file: string, options: Omit<SpawnNodeOptions, "file" | "onLine"> = {}): Program {
  const lines: string[] = [];
  const listeners = new Set<() => void>();
  const child = spawnNode({
    execArgv: file.endsWith(".ts") ? ["--import", "tsx", "--conditions=source"] : [],
    // A busy machine takes its time to end one in order.
    graceMs: 60_000,
    ...options,
    file,
    env: { ...process.env, NODE_OPTIONS: undefined, ...options.env },
    onLine: (line) => {
      lines.push(line);
      for (const listener of listeners) listener();
    },
  });
  return {
    ...child,
    lines,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.find((line) => pattern.test(line));
          if (found === undefined) return;
          listeners.delete(look);
          resolve(found);
        };
        listeners.add(look);
        look();
        void child.exited.then(({ code, signal }) => {
          listeners.delete(look);
          reject(new Error(`${file} ended (${code ?? signal}) without ${String(pattern)}:\n${lines.join("\n")}`));
        });
      }),
  };
}

/**
 * Ask a program over HTTP until it answers with a 2xx: for servers that do not say when they listen, or whose worker is still
 * on its way. Rejects when the program ends.
 */
export async function fetchFrom(program: Program, url: string): Promise<Response> {
  let hasEnded = false;
  void program.exited.then(() => (hasEnded = true));
  for (;;) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok === true) return response;
    await response?.body?.cancel();
    if (hasEnded) throw new Error(`it ended:\n${program.lines.join("\n")}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
