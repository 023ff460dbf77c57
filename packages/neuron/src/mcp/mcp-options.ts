/** MCP options: how an MCP server is started or reached, checked once, when the source is made. */

import { toRefuse, toSecrets, show } from "../providers/provider-options.ts";

/** Exactly one of `command` and `url` is given. */
export interface McpOptions {
  /** 1 to 32 of `A-Z a-z 0-9 _ -`; no `__`. Tools are named `<name>__<tool>`. */
  readonly name: string;
  /** A program of this machine and its arguments, spoken to over its standard input and output. It is started at the first use. */
  readonly command?: readonly string[] | undefined;
  /** A server that speaks streamable HTTP. */
  readonly url?: string | URL | undefined;
  /** For `command`: added to the few variables that every server gets (`PATH`, `HOME`, …). Values count as secrets. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** For `command`: where it runs. Default: where this process does. */
  readonly cwd?: string | undefined;
  /** For `url`: sent with every request, for example `authorization`. Values count as secrets. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** How long one call of a tool may take, in milliseconds. 1 to 3_600_000; default 120_000. */
  readonly timeoutMs?: number | undefined;
}

export interface McpSettings {
  readonly name: string;
  readonly place:
    | {
        readonly kind: "command";
        readonly command: string;
        readonly args: readonly string[];
        readonly env: Readonly<Record<string, string>>;
        readonly cwd: string | undefined;
      }
    | { readonly kind: "url"; readonly url: URL; readonly headers: Readonly<Record<string, string>> };
  readonly timeoutMs: number;
  /** Texts that may appear in no error. */
  readonly secrets: readonly string[];
}

/** Check and copy. Throws `ProviderOptionsError` with the value and the fix; never shows a value of `env` or `headers`. */
export function resolveMcpOptions(options: McpOptions): McpSettings {
  const { name, command, env = {}, cwd, headers = {}, timeoutMs = 120_000 } = options;
  const refuse = toRefuse("mcp");
  if (typeof name !== "string" || !/^[A-Za-z0-9_-]{1,32}$/.test(name) || name.includes("__")) {
    refuse(`name must be 1 to 32 of A-Z a-z 0-9 _ - without "__", got ${show(name)}`);
  }
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > 3_600_000) {
    refuse(`"${name}": timeoutMs must be a whole number between 1 and 3_600_000, got ${show(timeoutMs)}`);
  }
  if ((command === undefined) === (options.url === undefined)) {
    refuse(`"${name}" needs a command or a url, and not both, for example command: ["npx", "-y", "some-server"]`);
  }
  const foreign = command === undefined ? { env: options.env, cwd } : { headers: options.headers };
  for (const [option, value] of Object.entries(foreign)) {
    if (value !== undefined)
      refuse(`"${name}": ${option} does not go with ${command === undefined ? "url" : "command"}`);
  }
  const secrets = toSecrets(null, command === undefined ? headers : env);
  if (command !== undefined) {
    const [program, ...args] = command;
    if (typeof program !== "string" || program === "" || args.some((arg) => typeof arg !== "string")) {
      refuse(`"${name}": command must be a list of texts that begins with a program`);
    }
    return { name, place: { kind: "command", command: program ?? "", args, env: { ...env }, cwd }, timeoutMs, secrets };
  }
  const url = URL.canParse(String(options.url)) ? new URL(String(options.url)) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) refuse(`"${name}": url must begin with http:// or https://`);
  const known = url as URL;
  // A token may be in the address.
  const inUrl = [known.password, ...known.searchParams.values()].filter((text) => text.length >= 6);
  return {
    name,
    place: { kind: "url", url: known, headers: { ...headers } },
    timeoutMs,
    secrets: [...secrets, ...inUrl].sort((a, b) => b.length - a.length),
  };
}
