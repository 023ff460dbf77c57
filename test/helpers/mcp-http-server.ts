/** MCP HTTP server: the test's MCP server over streamable HTTP, on loopback, with a lever: it can forget its sessions. */
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createMcpServer } from "../fixtures/mcp-server.mjs";

export interface McpHttpServer extends AsyncDisposable {
  readonly url: string;
  /** Of each request, oldest first. */
  readonly headers: readonly IncomingHttpHeaders[];
  /** How many sessions were opened, and how many ended by the client. */
  readonly opened: number;
  readonly ended: number;
  /** As a restart does: whoever comes with a session is told 404. */
  forgetSessions(): Promise<void>;
}

export async function startMcpHttpServer(): Promise<McpHttpServer> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const headers: IncomingHttpHeaders[] = [];
  let opened = 0;
  let ended = 0;

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    headers.push(request.headers);
    const id = request.headers["mcp-session-id"];
    let transport = typeof id === "string" ? sessions.get(id) : undefined;
    if (transport === undefined) {
      if (id !== undefined) return void response.writeHead(404).end("no such session");
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (session) => {
          opened++;
          sessions.set(session, transport as StreamableHTTPServerTransport);
        },
        onsessionclosed: (session) => {
          ended++;
          sessions.delete(session);
        },
      });
      await createMcpServer().connect(transport);
    }
    await transport.handleRequest(request, response);
  };
  const server = createServer((request, response) => {
    void serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const forgetSessions = async (): Promise<void> => {
    const known = [...sessions.values()];
    sessions.clear();
    await Promise.all(known.map((transport) => transport.close()));
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    headers,
    get opened() {
      return opened;
    },
    get ended() {
      return ended;
    },
    forgetSessions,
    async [Symbol.asyncDispose]() {
      await forgetSessions();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
