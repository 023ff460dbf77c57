/** ActiveRun: one start of a run: its state, its journal, and what it calls with. Whatever changes the state goes through `record`. */
import type { Model, NeuronContext, NeuronFailure, ToolSpec } from "@myelin/neuron";
import type { ResolvedAgent } from "../definition/resolve-agent.ts";
import { blockedFailure, type GuardrailSet } from "../guardrails/guardrail-set.ts";
import { fromNew, toEntry, type AgentEvent } from "./event.ts";
import { JournalWriter } from "./journal-writer.ts";
import { fold, type RunState } from "./state.ts";
import type { Plan } from "./step.ts";

/** What a run calls, as its configuration says. */
export interface RunTools {
  readonly model: Model;
  /** Without the vendor. */
  readonly modelName: string;
  readonly plan: Plan;
  readonly specs: readonly ToolSpec[];
}

type Where = Parameters<GuardrailSet["redactJson"]>[1];

export class ActiveRun {
  readonly agent: ResolvedAgent;
  readonly ctx: NeuronContext;
  readonly guard: GuardrailSet;
  readonly #writer: JournalWriter;
  /** What the starts before this one have worked, and when this one began. */
  readonly #workedMs: number;
  readonly #begunAt = performance.now();
  #state: RunState;

  constructor(agent: ResolvedAgent, ctx: NeuronContext, state: RunState, guard: GuardrailSet) {
    this.agent = agent;
    this.ctx = ctx;
    this.guard = guard;
    this.#state = state;
    this.#workedMs = state.spent.ms;
    this.#writer = new JournalWriter(ctx.journal);
  }

  get state(): RunState {
    return this.#state;
  }

  /** How long the run has been worked on, in whole milliseconds, by all its starts as far as they are on record. */
  get elapsedMs(): number {
    return Math.round(this.#workedMs + performance.now() - this.#begunAt);
  }

  /** Add entries to the state now, and to the journal with the next flush. */
  record(events: readonly AgentEvent[]): void {
    for (const event of events) {
      this.#state = fold(this.#state, event);
      show(event, this.ctx);
    }
    this.#writer.add(events.map(toEntry));
  }

  /** Resolves once the answer of the last model call is acknowledged; it was sent already, unless no tool followed from it. */
  async flushAnswer(): Promise<void> {
    if (this.#writer.holds("llm.completed")) await this.#writer.flush();
  }

  /** Resolves once all that was recorded is acknowledged. */
  flush(): Promise<void> {
    return this.#writer.flush();
  }

  /** Sends what was recorded; that it arrived is seen by the next `flush`. */
  flushLater(): void {
    this.#writer.flushLater();
  }

  /** A value as the journal may hold it. What was found is recorded; when it is blocked, `blocked` is what to throw. */
  async mask<T>(value: T, where: Where): Promise<{ readonly value: T; readonly blocked: NeuronFailure | null }> {
    if (this.guard.isEmpty) return { value, blocked: null };
    const { value: masked, entries, blocked } = await this.guard.redactJson(value, where, this.ctx.signal);
    this.record(entries.map(fromNew));
    return { value: masked, blocked: blocked && blockedFailure(blocked, where) };
  }
}

/** Whoever watches the run sees its calls as they begin and end. */
function show({ type, data }: AgentEvent, ctx: NeuronContext): void {
  if (type === "tool.started") ctx.toolCall({ tool: data.tool_name, args: data.params, callId: data.call_id });
  if (type !== "tool.completed") return;
  const { tool_name: tool, call_id: callId, success, result, error } = data;
  ctx.toolResult(success ? { tool, callId, result } : { tool, callId, error: error ?? "the tool failed" });
}
