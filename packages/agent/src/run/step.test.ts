import { describe, expect, test } from "@jest/globals";
import { NO_USAGE, toBudgetData, type BudgetData, type RunEventData } from "@myelin/bus/run-events";
import type { Tool } from "@myelin/neuron";
import fc from "fast-check";
import { z } from "zod";
import { askHuman } from "../ask-human.ts";
import { tool } from "../tool.ts";
import { newBudgetEvents, remaining, tighter } from "./budget.ts";
import { eventOf, type AgentEvent } from "./event.ts";
import { fold, INITIAL_STATE, openCalls, type RunState } from "./state.ts";
import { step, type Plan } from "./step.ts";

const input = z.object({});
const server = (name: string, options: Partial<Tool> = {}): Tool => ({
  ...tool({ name, description: name, input, run: () => 1 }),
  ...options,
});

const planOf = (tools: readonly Tool[], options: Partial<Plan> = {}): Plan => ({
  tools: new Map(tools.map((one) => [one.name, one])),
  denied: new Set(),
  gated: new Set(),
  limits: new Map(
    tools.flatMap((one) => (one.maxCallsPerRun === null ? [] : [[one.name, one.maxCallsPerRun] as const])),
  ),
  problemWith: () => null,
  ...options,
});

const started = (options: Partial<RunEventData<"run.started">> = {}): AgentEvent =>
  eventOf("run.started", 0, { seed: [], max_iterations: 3, budget: null, ...options } as never);

/** An answer with these calls, `c0`, `c1`, …. */
const answered = (names: readonly string[], data: Record<string, unknown> = {}): AgentEvent =>
  eventOf("llm.completed", 1, {
    order_index: 1,
    text: "",
    tool_calls: names.map((tool_name, at) => ({ call_id: `c${at}`, provider_call_id: null, tool_name, params: {} })),
    usage: NO_USAGE,
    cost_nano_usd: null,
    ...data,
  } as never);

const completed = (call_id: string): AgentEvent => eventOf("tool.completed", 1, { call_id, success: true } as never);
const begun = (call_id: string): AgentEvent => eventOf("tool.started", 1, { call_id } as never);

const stateOf = (...events: readonly AgentEvent[]): RunState => events.reduce(fold, INITIAL_STATE);
const namesIn = (calls: readonly { readonly data: { readonly tool_name: string } }[]) =>
  calls.map(({ data }) => data.tool_name);

/** What the next effect is, in a word, and which tools it is about. */
function next(state: RunState, plan: Plan): unknown[] {
  const effect = step(state, plan);
  if (effect.type === "run_tools") return ["run", ...namesIn(effect.calls)];
  if (effect.type === "ask") return [effect.ask.reason, ...effect.ask.pending.map(({ tool_name }) => tool_name)];
  if (effect.type === "record") return ["record", ...effect.events.map(({ type }) => type)];
  return effect.type === "complete" ? [effect.status] : [effect.type];
}

describe("step", () => {
  const sheet = tool({ name: "sheet", description: "Reads.", input, target: "client" });
  const plan = planOf([server("a"), server("b"), server("alone", { parallel: false }), sheet, askHuman()]);

  test("asks the model first, and completes when it has answered without calls", () => {
    expect(next(stateOf(started()), plan)).toEqual(["call_model"]);
    expect(next(stateOf(started(), answered([])), plan)).toEqual(["success"]);
  });

  test("runs neighbours together, what runs alone by itself, then waits for the client, then asks a person", () => {
    const names = ["ask_human", "a", "sheet", "b", "alone", "a"];
    const asked = stateOf(
      started(),
      eventOf("llm.completed", 1, {
        ...(answered(names).data as RunEventData<"llm.completed">),
        tool_calls: names.map((tool_name, at) => ({
          call_id: `c${at}`,
          provider_call_id: null,
          tool_name,
          params: { question: "Well?" },
        })),
      }),
    );
    const after = (...ids: string[]) => next(ids.map(completed).reduce(fold, asked), plan);
    expect(after()).toEqual(["run", "a", "b"]);
    expect(after("c1", "c3")).toEqual(["run", "alone"]);
    expect(after("c1", "c3", "c4")).toEqual(["run", "a"]);
    expect(after("c1", "c3", "c4", "c5")).toEqual(["client_tool", "sheet"]);
    expect(after("c1", "c3", "c4", "c5", "c2")).toEqual(["input", "ask_human"]);
    expect(after("c0", "c1", "c2", "c3", "c4", "c5")).toEqual(["call_model"]);
  });

  test("does not go on with what was begun and may have happened, unless it may be repeated", () => {
    const state = stateOf(started(), answered(["a", "b"]), begun("c0"), begun("c1"), completed("c1"));
    expect(next(state, plan)).toEqual(["in_doubt", "a"]);
    expect(next(state, planOf([server("a", { idempotent: true }), server("b")]))).toEqual(["run", "a"]);
  });

  test("ends when the answers are used up, but not before their calls are through", () => {
    const last = stateOf(started({ max_iterations: 1 }), answered(["a"]));
    expect(next(last, plan)).toEqual(["run", "a"]);
    expect(next(fold(last, completed("c0")), plan)).toEqual(["max_iterations"]);
  });

  test("comes to an end in any run: each effect takes a call, an answer or a question away", () => {
    const names = fc.constantFrom("a", "b", "alone", "nobody", "gated", "denied", "few");
    const tools = [server("a"), server("b"), server("alone", { parallel: false }), server("gated"), server("denied")];
    const all = planOf([...tools, server("few", { maxCallsPerRun: 1 })], {
      denied: new Set(["denied"]),
      gated: new Set(["gated"]),
    });
    fc.assert(
      fc.property(fc.array(fc.array(names, { maxLength: 5 }), { maxLength: 4 }), (turns) => {
        let state = stateOf(started({ max_iterations: 3 }));
        const ran: string[] = [];
        for (let effects = 0; effects < 100; effects++) {
          const effect = step(state, all);
          if (effect.type === "complete") {
            expect(openCalls(state)).toEqual([]);
            expect(ran.filter((name) => name === "few").length).toBeLessThanOrEqual(1);
            expect(ran).not.toContain("denied");
            return;
          }
          if (effect.type === "record") state = effect.events.reduce(fold, state);
          else if (effect.type === "call_model") state = fold(state, answered(turns[state.turns.length] ?? []));
          else if (effect.type === "run_tools") {
            ran.push(...namesIn(effect.calls));
            for (const { data } of effect.calls)
              state = [begun(data.call_id), completed(data.call_id)].reduce(fold, state);
          } else if (effect.type === "ask") {
            const { pending, events: _, ...ask } = effect.ask;
            const paused = eventOf("run.paused", 1, { ...ask, pending, pause_id: "p", expires_at: null });
            const words = pending.map(({ call_id, tool_name }, at) =>
              eventOf("approval.decided", 1, { call_id, tool_name, approved: at % 2 === 0, by: null, reason: null }),
            );
            const task = { id: "evt_2", timeout_ms: 1 };
            const resumed = eventOf("run.resumed", 1, { pause_id: "p", resumed_from: ask.status, by: null, task });
            state = [paused, ...words, resumed].reduce(fold, state);
          } else throw new Error(effect.type);
        }
        throw new Error("it does not end");
      }),
    );
  });
});

describe("budget", () => {
  const spentState = (budget: BudgetData, ...answers: Record<string, unknown>[]) =>
    stateOf(started({ budget }), ...answers.map((data) => answered(["a"], data)));
  const shown = (state: RunState) =>
    newBudgetEvents(state).map(({ data }) => {
      const { kind, fraction, used } = data as { kind: string; fraction?: number; used: number };
      return `${kind} ${fraction ?? "exceeded"} ${used}`;
    });

  test("counts what a cache served, and tokens that nobody said as none", () => {
    const usage = { ...NO_USAGE, input_tokens: 10, cache_read_input_tokens: 40, cache_creation_input_tokens: 5 };
    expect(shown(spentState({ max_tokens: 100 }, { usage }, {}))).toEqual(["tokens 0.5 55"]);
  });

  test("counts cost in nano-dollars, and the time at work by what the entries say", () => {
    const budget = toBudgetData({ maxCostUsd: 0.001, maxMs: 1_000, warnAt: [0.9, 0.1] });
    const state = spentState(budget, { cost_nano_usd: 950_000, elapsed_ms: 100 }, { elapsed_ms: 1_000 });
    expect(shown(state)).toEqual([
      "cost 0.1 950000",
      "cost 0.9 950000",
      "ms 0.1 1000",
      "ms 0.9 1000",
      "ms exceeded 1000",
    ]);
  });

  test("says nothing twice", () => {
    const usage = { ...NO_USAGE, output_tokens: 100 };
    const state = spentState({ max_tokens: 100 }, { usage });
    expect(shown(newBudgetEvents(state).reduce(fold, state))).toEqual([]);
  });

  test("of two is the tighter one in every measure", () => {
    const number = fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined });
    const budget = fc.record(
      { max_tokens: number, max_ms: number, on_exceeded: fc.constantFrom("warn", "pause", "stop") },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(budget, budget, (a, b) => {
        const both = tighter(a, b)!;
        for (const key of ["max_tokens", "max_ms"] as const) {
          const given = [a[key], b[key]].filter((max) => max !== undefined);
          expect(both[key]).toBe(given.length > 0 ? Math.min(...given) : undefined);
        }
        const order = ["warn", "pause", "stop"];
        expect(order.indexOf(both.on_exceeded!)).toBeGreaterThanOrEqual(order.indexOf(a.on_exceeded ?? "stop"));
      }),
    );
    expect(tighter(null, { max_tokens: 1 })).toEqual({ max_tokens: 1 });
    expect(tighter({ max_tokens: 1 }, null)).toEqual({ max_tokens: 1 });
  });

  test("leaves a child at least one of each", () => {
    const budget = { max_tokens: 10, max_ms: 100, on_exceeded: "pause" } as const;
    expect(remaining(budget, { tokens: 50, nanoUsd: 0, ms: 10.5 }, 1)).toEqual({
      ...budget,
      max_tokens: 1,
      max_ms: 89,
    });
    expect(remaining(null, { tokens: 50, nanoUsd: 0, ms: 0 }, 1)).toBeNull();
  });
});
