/** @myelin/neuron/mcp: tools of MCP servers. */
export { mcp } from "./mcp.ts";
export type { McpOptions } from "./mcp-options.ts";
