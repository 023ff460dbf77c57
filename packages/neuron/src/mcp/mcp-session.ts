/** MCP session: one connection to an MCP server: opened, asked for its tools, used, closed. */

import type { Client } from "@modelcontextprotocol/sdk/client/index.js";
import type { CallToolResult, Tool as ListedTool } from "@modelcontextprotocol/sdk/types.js";
import type { JsonObject } from "../outcomes.ts";
import type { McpSettings } from "./mcp-options.ts";

/** A server that is started may have to be downloaded first. */
const CONNECT_TIMEOUT_MS = 60_000;
/** In characters: the end of what a program wrote before it failed. */
const LONGEST_STDERR = 1_000;
/** A server whose list does not end is not waited for. */
const MOST_PAGES = 1_000;

export interface McpSession {
  readonly listed: readonly ListedTool[];
  call(tool: string, params: JsonObject, signal: AbortSignal): Promise<CallToolResult>;
  close(): Promise<void>;
}

/** A transport's slice that we call; `stderr` is there for a program's. */
interface Transport {
  close(): Promise<void>;
  terminateSession?(): Promise<void>;
}

/**
 * Connect and list the tools. Rejects, with everything closed, when that fails or `signal` aborts. `onEnd` is told once when
 * the server is gone. Loads `@modelcontextprotocol/sdk`.
 */
export async function openMcpSession(
  settings: McpSettings,
  signal: AbortSignal,
  onEnd: () => void,
): Promise<McpSession> {
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const client = new Client({ name: "myelin", version: "0.1.0" });
  const { transport, connect, stderr } = await toTransport(settings, client);
  const close = async (): Promise<void> => {
    // Deliberately silent: the server ends a session by itself that nobody uses.
    await transport.terminateSession?.().catch(() => {});
    await client.close();
    await transport.close();
  };
  const options = { signal, timeout: CONNECT_TIMEOUT_MS };
  try {
    signal.throwIfAborted();
    await connect(options);
    client.onclose = onEnd;
    const listed = await listTools(client, options);
    return {
      listed,
      call: async (name, args, callSignal) =>
        (await client.callTool({ name, arguments: args }, undefined, {
          signal: callSignal,
          timeout: settings.timeoutMs,
        })) as CallToolResult,
      close,
    };
  } catch (error) {
    await close();
    const said = stderr();
    throw said === "" ? error : new Error(`${messageOf(error)}; it wrote: ${said}`);
  }
}

async function toTransport({ place }: McpSettings, client: Client) {
  if (place.kind === "url") {
    const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
    const transport = new StreamableHTTPClientTransport(place.url, { requestInit: { headers: place.headers } });
    return {
      transport: transport as Transport,
      connect: (options: ConnectOptions) => client.connect(transport, options),
      stderr: () => "",
    };
  }
  const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js");
  const { command, args, env, cwd } = place;
  const transport = new StdioClientTransport({
    ...{ command, args: [...args], env: { ...env }, stderr: "pipe" },
    ...(cwd === undefined ? {} : { cwd }),
  });
  let stderr = "";
  // Read all along, or a program that writes much stops.
  transport.stderr?.on("data", (bytes: Uint8Array) => {
    stderr = `${stderr}${new TextDecoder().decode(bytes)}`.slice(-LONGEST_STDERR);
  });
  return {
    transport: transport as Transport,
    connect: (options: ConnectOptions) => client.connect(transport, options),
    stderr: () => stderr.trim(),
  };
}

interface ConnectOptions {
  readonly signal: AbortSignal;
  readonly timeout: number;
}

async function listTools(client: Client, options: ConnectOptions): Promise<ListedTool[]> {
  if (client.getServerCapabilities()?.tools === undefined) return [];
  const listed: ListedTool[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const { tools, nextCursor } = await client.listTools(cursor === undefined ? undefined : { cursor }, options);
    listed.push(...tools);
    if (nextCursor === undefined || nextCursor === "") return listed;
    cursor = nextCursor;
  }
  throw new Error(`its list of tools has more than ${MOST_PAGES} pages`);
}

/** With its cause's, which says why a `fetch failed`. By shape: errors of another realm are no `instanceof Error`. */
export function messageOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return String(error);
  const { message, code, name, cause } = error as Record<string, unknown>;
  const own = [message, code, name].find((text) => typeof text === "string" && text !== "");
  const because = cause === undefined ? "" : messageOf(cause);
  const said = typeof own === "string" ? own : "it gave no reason";
  return because === "" || said.includes(because) ? said : `${said}: ${because}`;
}

/** A field of whatever was thrown. */
export function fieldOf(error: unknown, field: "code" | "message" | "name"): unknown {
  return typeof error === "object" && error !== null ? Reflect.get(error, field) : undefined;
}
