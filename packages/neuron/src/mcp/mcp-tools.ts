/** MCP tools: what an MCP server lists and answers, as our tools and their results. Pure. */

import type { CallToolResult, Tool as ListedTool } from "@modelcontextprotocol/sdk/types.js";
import { NeuronFailure } from "../errors.ts";
import type { Tool } from "../tool.ts";

/** Vendors take no longer names. */
const LONGEST_NAME = 64;

/**
 * `read/file` of source `fs` is `fs__read_file`. Throws `NeuronFailure` TOOL_SOURCE_INVALID when a name is too long, or two
 * tools would have one.
 */
export function toToolNames(source: string, listed: readonly Pick<ListedTool, "name">[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const { name } of listed) {
    const ours = `${source}__${name.replace(/[^A-Za-z0-9_-]/g, "_")}`;
    if (ours.length > LONGEST_NAME || name === "") {
      throw invalid(
        source,
        `its tool ${JSON.stringify(name)} would be "${ours}", which is not 1 to ${LONGEST_NAME} long`,
      );
    }
    const other = names.get(ours);
    if (other !== undefined) {
      throw invalid(source, `its tools ${JSON.stringify(other)} and ${JSON.stringify(name)} would both be "${ours}"`);
    }
    names.set(ours, name);
  }
  return names;
}

/** What does not change from call to call. A server says what may be repeated; silence means that it may not. */
export function toTool(listed: ListedTool, name: string, timeoutMs: number, run: Tool["run"]): Tool {
  const { annotations, description, title, inputSchema } = listed;
  return {
    name,
    description: description ?? annotations?.title ?? title ?? "",
    parameters: { ...inputSchema },
    target: "server",
    parallel: true,
    maxCallsPerRun: null,
    timeoutMs,
    idempotent: annotations?.idempotentHint === true || annotations?.readOnlyHint === true,
    run,
  };
}

/** The structured content, else the texts in lines. Throws when the server says that it is an error. */
export function toResult({ structuredContent, content, isError }: CallToolResult): unknown {
  const text = (content ?? []).map(toText).join("\n");
  if (isError === true) throw new Error(text === "" ? "the tool failed and gave no reason" : text);
  return structuredContent ?? text;
}

function toText(block: CallToolResult["content"][number]): string {
  if (block.type === "text") return block.text;
  if (block.type === "resource" && "text" in block.resource) return block.resource.text;
  return `[unsupported content type: ${block.type}]`;
}

export function invalid(source: string, problem: string): NeuronFailure {
  return new NeuronFailure("TOOL_SOURCE_INVALID", `tool source "${source}": ${problem}`);
}
