/** Open sources: the tools of a run: the agent's own, what reads its skills, and those of its tool sources, sorted by name. */
import { NeuronFailure, type Tool, type ToolSource } from "@myelin/neuron";
import { agentFailure } from "../errors.ts";
import type { ActiveRun } from "./active-run.ts";
import { eventOf, type AgentEvent } from "./event.ts";

export interface OpenedTools {
  /** By name. The order is the same in every process, so that a prompt cache keeps them. */
  readonly tools: ReadonlyMap<string, Tool>;
  readonly events: readonly AgentEvent[];
}

/** A source that does not open is put on record, and rejects with TOOL_SOURCE_UNAVAILABLE. */
export async function openSources(
  run: ActiveRun,
  sources: readonly ToolSource[],
  local: readonly Tool[],
  skillTool: Tool | null,
): Promise<OpenedTools> {
  const { agent } = run;
  const opened = await Promise.all(sources.map(async (source) => ({ source, tools: await open(run, source) })));
  const all = [...local, ...(skillTool ? [skillTool] : []), ...opened.flatMap(({ tools }) => tools)];
  const tools = new Map(all.sort((a, b) => (a.name < b.name ? -1 : 1)).map((tool) => [tool.name, tool]));
  if (tools.size < all.length) {
    const twice = all.find((tool, at) => all.findIndex(({ name }) => name === tool.name) !== at)!.name;
    throw agentFailure("TOOL_SOURCE_INVALID", `there are two tools of the name "${twice}"`);
  }
  // A rule with a typing error must not pass for one that is kept.
  if (sources.length === agent.sources.length && local.length === agent.tools.size) {
    const missing = [...agent.denied, ...agent.gated].find((name) => !tools.has(name));
    if (missing)
      throw agentFailure("TOOL_SOURCE_INVALID", `deny or requireApproval names "${missing}", and there is none`);
  }
  const events = opened.map(({ source, tools: found }) =>
    eventOf("mcp.connected", 0, {
      source_name: source.name,
      tool_count: found.length,
      tool_names: found.map(({ name }) => name),
    }),
  );
  return { tools, events };
}

async function open(run: ActiveRun, source: ToolSource): Promise<readonly Tool[]> {
  try {
    return await source.open(run.ctx.signal);
  } catch (cause) {
    if (run.ctx.signal.aborted) throw run.ctx.signal.reason as Error;
    const error = (cause instanceof Error ? cause.message : String(cause)).slice(0, 500);
    run.record([eventOf("mcp.error", run.state.turns.length, { source_name: source.name, error })]);
    // It says itself what it is, and whether another start may have more luck.
    if (cause instanceof NeuronFailure) throw cause;
    const message = `the tool source "${source.name}" did not open: ${error}`;
    throw agentFailure("TOOL_SOURCE_UNAVAILABLE", message, { recoverable: true, cause });
  }
}
