/**
 * mcp: the tools of an MCP server as a tool source. One session for the whole process, opened at the first use and kept; one
 * that ended is opened again by the next use, whether that is a run that opens its tools or a call of one.
 */

import { NeuronFailure } from "../errors.ts";
import type { Tool, ToolSource } from "../tool.ts";
import { untilAborted } from "../until-aborted.ts";
import { resolveMcpOptions } from "./mcp-options.ts";
import type { McpOptions, McpSettings } from "./mcp-options.ts";
import { fieldOf, messageOf, openMcpSession } from "./mcp-session.ts";
import type { McpSession } from "./mcp-session.ts";
import { toResult, toTool, toToolNames } from "./mcp-tools.ts";

/** An open session, and how it is closed also while it is being opened. */
interface Opening {
  readonly session: Promise<McpSession>;
  readonly cancel: AbortController;
}

/**
 * Tools of an MCP server, over a program's standard streams (`command`) or streamable HTTP (`url`). Nothing is started or
 * connected here.
 *
 * `open` fails with `NeuronFailure` TOOL_SOURCE_UNAVAILABLE (recoverable) or TOOL_SOURCE_INVALID. A call throws what the
 * server says is wrong, its timeout, or the abort; no message holds a value of `env` or `headers`. A call during which the
 * server died is not made again: it may have had its effect. After `close` the next use opens anew.
 *
 * Throws `ProviderOptionsError` at once for options that cannot work. Loads `@modelcontextprotocol/sdk` at the first use.
 */
export function mcp(options: McpOptions): ToolSource {
  const settings = resolveMcpOptions(options);
  let current: Opening | undefined;

  const openOnce = (): Opening => {
    if (current !== undefined) return current;
    const cancel = new AbortController();
    const forget = (): void => {
      if (current === opening) current = undefined;
    };
    const session = openMcpSession(settings, cancel.signal, forget);
    session.catch(forget);
    const opening: Opening = { session, cancel };
    return (current = opening);
  };

  const close = async (opening: Opening | undefined): Promise<void> => {
    if (opening === undefined) return;
    if (current === opening) current = undefined;
    opening.cancel.abort(new Error("the source was closed"));
    const session = await opening.session.catch(() => undefined);
    await session?.close();
  };

  const runTool =
    (name: string, tool: string): Tool["run"] =>
    async (params, { signal }) => {
      for (let isSecond = false; ; isSecond = true) {
        const opening = openOnce();
        try {
          const session = await untilAborted(opening.session, signal);
          return toResult(await session.call(tool, params, signal));
        } catch (error) {
          signal.throwIfAborted();
          if (isGone(error)) await close(opening);
          // The server knows the session no more, so it has not run the tool.
          if (isUnknownSession(error) && !isSecond) continue;
          throw toCallError(settings, name, error);
        }
      }
    };

  return {
    name: settings.name,
    async open(signal) {
      const opening = openOnce();
      let session: McpSession;
      try {
        // The abort of one caller; the others still wait.
        session = await untilAborted(opening.session, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw unavailable(settings, error);
      }
      try {
        const tools = new Map(session.listed.map((tool) => [tool.name, tool]));
        return [...toToolNames(settings.name, session.listed)].flatMap(([name, theirs]) => {
          const listed = tools.get(theirs);
          return listed === undefined ? [] : [toTool(listed, name, settings.timeoutMs, runTool(name, theirs))];
        });
      } catch (error) {
        await close(opening);
        throw error;
      }
    },
    close: () => close(current),
  };
}

/** The connection is broken, whatever the SDK thinks of it. */
function isGone(error: unknown): boolean {
  return isUnknownSession(error) || fieldOf(error, "message") === "fetch failed";
}

/** What a server that was restarted says to a session of before: 404, by the protocol. */
function isUnknownSession(error: unknown): boolean {
  return fieldOf(error, "code") === 404 && fieldOf(error, "name") !== "McpError";
}

function unavailable(settings: McpSettings, error: unknown): NeuronFailure {
  const message = redact(settings, `tool source "${settings.name}" (${whereOf(settings)}): ${messageOf(error)}`);
  return new NeuronFailure("TOOL_SOURCE_UNAVAILABLE", message, { recoverable: true });
}

function toCallError(settings: McpSettings, tool: string, error: unknown): Error {
  if (fieldOf(error, "code") === REQUEST_TIMEOUT)
    return new Error(`"${tool}" gave no answer within ${settings.timeoutMs} ms`);
  return new Error(redact(settings, messageOf(error)));
}

/** `ErrorCode.RequestTimeout` of the SDK, which is not loaded here. */
const REQUEST_TIMEOUT = -32001;

function whereOf({ place }: McpSettings): string {
  return place.kind === "url" ? place.url.host : place.command;
}

/** Without a cause: it may hold what it was sent. */
function redact({ secrets }: McpSettings, message: string): string {
  return secrets.reduce((text, secret) => text.replaceAll(secret, "[redacted]"), message);
}
