/** Retry: what the model sees of the run that is tried again. */
import { describe, expect, test } from "@jest/globals";
import { defineAgent, pii, tool, type AgentOptions } from "@myelin/agent";
import { Axon, type RunRequest } from "@myelin/dendrite";
import { NeuronFailure } from "@myelin/neuron";
import { scriptedModel } from "@myelin/neuron/testing";
import { z } from "zod";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { withFleet } from "../helpers/with-fleet.ts";

expectNoLeaks();

type Script = Parameters<typeof scriptedModel>[0];
const DOWN = new NeuronFailure("MODEL_UNAVAILABLE", "down");
const THOUGHT = { vendor: "scripted", block: { signature: "bob@x.org?", place: 0 } };

const looked = (reasoning: string | null = "to see") => ({
  text: "Let me look.",
  toolCalls: [{ name: "look", params: { q: "7" } }],
  reasoning,
  reasoningBlocks: [THOUGHT],
});
const look = tool({ name: "look", description: "Looks.", input: z.object({ q: z.string() }), run: () => "found" });

/** Runs, then tries that again; what the model was asked by each call. */
async function retried(
  script: Script,
  request: RunRequest,
  again: Partial<RunRequest> = {},
  options: Partial<AgentOptions> = {},
) {
  await using fleet = await withFleet("memory");
  const model = scriptedModel(script);
  const dendrite = await fleet.worker([
    new Axon(defineAgent({ name: "a", model, prompt: "p", tools: [look], ...options })),
  ]);
  const { runId } = await dendrite.runs.start("a", request);
  await dendrite.runs.wait(runId).catch(() => {});
  const result = await dendrite.retry(runId, again);
  return { result, asked: model.calls.map(({ request: { messages } }) => messages) };
}

const history = [
  { role: "user" as const, content: "One?" },
  { role: "assistant" as const, content: "One." },
];
const context = [{ content: "S", placement: "stable" as const }, { content: "D" }];

describe("without a new message", () => {
  test("a run that failed goes on from what it had seen, to the byte: history, context and what it thought included", async () => {
    const { result, asked } = await retried([looked(), DOWN, "done"], { text: "Order 7?", history, context });
    expect(result.answer).toBe("done");
    const [, failed, again] = asked;
    expect(failed!.map(({ role }) => role)).toEqual(["system", "user", "assistant", "user", "assistant", "tool"]);
    expect(again).toEqual(failed);
  });

  test("a run that had answered answers again what it was asked, and one that never got an answer is asked the same", async () => {
    const { asked } = await retried([looked(), "first", "second"], { text: "Order 7?" });
    expect(asked[2]).toEqual(asked[1]);
    const none = await retried([DOWN, "second"], { text: "Order 7?" });
    expect(none.asked[1]).toEqual(none.asked[0]);
  });

  test("a retry of a retry sees what that one saw", async () => {
    await using fleet = await withFleet("memory");
    const model = scriptedModel([looked(), DOWN, looked(), DOWN, "done"]);
    const dendrite = await fleet.worker([new Axon(defineAgent({ name: "a", model, prompt: "p", tools: [look] }))]);
    const failedId = (failure: { signal: { meta: { run_id?: string } } }) => failure.signal.meta.run_id!;
    const { runId } = await dendrite.runs.start("a", { text: "Order 7?" });
    await dendrite.runs.wait(runId).catch(() => {});
    const second = await dendrite.retry(runId).then(() => "", failedId);
    expect((await dendrite.retry(second)).answer).toBe("done");
    const [, , , failed, again] = model.calls.map(({ request }) => request.messages);
    expect(failed).toHaveLength(6);
    expect(again).toEqual(failed);
  });
});

test("a new message comes behind all of it, the final answer included", async () => {
  const { asked } = await retried(["first", "second"], { text: "Order 7?" }, { text: "And 8?" });
  expect(asked[1]).toEqual([
    ...asked[0]!,
    { role: "assistant", content: "first" },
    { role: "user", content: "And 8?" },
  ]);
});

test("with guardrails signed thoughts are passed on as they came, or not at all when something in them is masked", async () => {
  const kept = await retried([looked(), DOWN, "done"], { text: "hi" }, {}, { guardrails: [pii()] });
  expect(kept.asked[2]).toEqual(kept.asked[1]);
  expect(kept.asked[2]![2]).toMatchObject({ reasoning: [THOUGHT] });
  const masked = [looked("of <<EMAIL_ADDRESS_1>>"), DOWN, "done"];
  const { asked } = await retried(masked, { text: "I am bob@x.org" }, {}, { guardrails: [pii()] });
  expect(asked[1]![2]).toHaveProperty("reasoning");
  expect(asked[2]![2]).not.toHaveProperty("reasoning");
});
