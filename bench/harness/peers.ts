/** Peers: packages that only the benchmarks need, installed into bench/peers when first asked for. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export type Peers = { readonly isInstalled: true } | { readonly isInstalled: false; readonly reason: string };

const INSTALL_TIMEOUT_MS = 120_000;
export const PEERS_DIRECTORY = fileURLToPath(new URL("../peers/", import.meta.url));
/** Tells our processes where it is: they are compiled, and run from elsewhere. */
export const PEERS_VARIABLE = "MYELIN_BENCH_PEERS";

export interface PeersOptions {
  /** False: what is not installed is skipped. */
  readonly mayInstall: boolean;
  readonly onProgress: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Install the peers unless they are there. A machine without network is no failure: the peers are skipped. */
export async function ensurePeers({ mayInstall, onProgress, signal }: PeersOptions): Promise<Peers> {
  const isThere = () =>
    ["moleculer", "nats"].every((name) => existsSync(`${PEERS_DIRECTORY}node_modules/${name}/package.json`));
  if (isThere()) return { isInstalled: true };
  if (!mayInstall) return { isInstalled: false, reason: "it is not installed and --no-install was given" };
  onProgress("installing bench/peers (once)");
  try {
    const args = ["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"];
    await promisify(execFile)("npm", args, { cwd: PEERS_DIRECTORY, timeout: INSTALL_TIMEOUT_MS, signal });
    if (isThere()) return { isInstalled: true };
    return { isInstalled: false, reason: "npm install left bench/peers without it" };
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    const said = /npm (?:error|ERR!) (.*(?:ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|E[0-9]{3}).*)/.exec(stderr ?? "")?.[1];
    return { isInstalled: false, reason: `npm install in bench/peers failed: ${said ?? message.split("\n")[0]}` };
  }
}
