/**
 * The crash matrix of delegation: a worker that hosts a run and the child it waits for dies at one append after the other,
 * before and behind it; another goes on, and in the end both journals say what those of an undisturbed run say.
 */
import { expect, test } from "@jest/globals";
import { agentTool, defineAgent, tool } from "@myelin/agent";
import { Axon, type RunResult } from "@myelin/dendrite";
import { scriptedModel } from "@myelin/neuron/testing";
import { z } from "zod";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { leveredSynapse } from "../helpers/levered-synapse.ts";
import { deferred, withFleet, type Fleet } from "../helpers/with-fleet.ts";

expectNoLeaks();

const AT_ONCE = 8;

const callThenSay = (name: string, params: Record<string, unknown>) =>
  scriptedModel(({ request }) => {
    const last = request.messages.at(-1)!;
    return last.role === "tool" ? `It said ${last.content}` : { toolCalls: [{ name, params }] };
  });

/** Delegates to one that asks before it refunds. A refund may be repeated, so nobody is asked twice. */
function agents(): Axon[] {
  const refund = tool({
    name: "refund",
    description: "Refunds.",
    input: z.object({}),
    idempotent: true,
    run: () => "refunded",
  });
  const model = callThenSay("refund", {});
  const clerk = defineAgent({ name: "clerk", model, prompt: "p", tools: [refund], requireApproval: ["refund"] });
  const tools = [agentTool("clerk")];
  const support = defineAgent({
    name: "support",
    model: callThenSay("clerk", { text: "Refund it" }),
    prompt: "p",
    tools,
  });
  return [new Axon(support), new Axon(clerk)];
}

/** A worker that dies at a point: from there on it says nothing, and what it holds is never settled. */
async function mortal(fleet: Fleet, dieAt: number) {
  const died = deferred();
  const points: string[] = [];
  const never = new Promise<never>(() => {});
  const point = (name: string): Promise<void> => {
    if (points.length === dieAt && dieAt > 0) return never;
    points.push(name);
    if (points.length !== dieAt) return Promise.resolve();
    died.resolve();
    return never;
  };
  const synapse = leveredSynapse(await fleet.connect(), {
    append: (bus) => async (signal, options) => {
      if (signal.type === "REGISTER" || signal.type === "DEREGISTER") return bus.append(signal, options);
      const name =
        signal.type === "RUN_EVENT"
          ? signal.payload.entries.map(({ event_type }) => event_type).join("+")
          : signal.type;
      await point(`before ${name}`);
      const appended = await bus.append(signal, options);
      await point(`behind ${name}`);
      return appended;
    },
    consume: (bus) => async (source, handler, options) => {
      const mortally: typeof handler = (delivery) =>
        Promise.race([handler(delivery), died.promise.then(() => ({ type: "abandon" }) as const)]);
      const consumption = await bus.consume(source, mortally, options);
      void died.promise.then(() => consumption.drain());
      return consumption;
    },
  });
  await fleet.worker(agents(), { synapse, ackWaitMs: 100, drainMs: 1 });
  return { points, died: died.promise };
}

async function journalOf(fleet: Fleet, runId: string) {
  const types: string[] = [];
  const tasks = new Set<string>();
  for await (const { parsed } of (await fleet.bus()).read({})) {
    if (!parsed.ok || parsed.signal.meta.run_id !== runId) continue;
    if (parsed.signal.type === "TASK") tasks.add(parsed.signal.id);
    if (parsed.signal.type === "RUN_EVENT") {
      types.push(...parsed.signal.payload.entries.map(({ event_type }) => event_type));
    }
  }
  return { types: types.filter((type) => !type.startsWith("attempt.")), tasks: tasks.size };
}

/** One run, whose first worker dies at that point (0: it lives). */
async function play(dieAt: number) {
  await using fleet = await withFleet("memory");
  const victim = await mortal(fleet, dieAt);
  void victim.died.then(() => fleet.worker(agents(), { ackWaitMs: 100 }));
  const caller = fleet.dendrite();
  let run: RunResult = await caller.run("support", { text: "Refund it", timeoutMs: 60_000 });
  const child = run.pause!.pending[0]!.childRunId!;
  await caller.submitApproval(child, { approved: true });
  run = await caller.runs.wait(run.runId, { onPause: "wait", timeoutMs: 60_000 });
  return {
    point: victim.points.at(-1),
    points: victim.points,
    answer: run.answer,
    parent: await journalOf(fleet, run.runId),
    child: await journalOf(fleet, child),
  };
}

test("J2: a worker dies at each append of a run and of the child it waits for: both end, each woken once", async () => {
  const undisturbed = await play(0);
  expect(undisturbed).toMatchObject({ answer: "It said It said refunded", parent: { tasks: 2 }, child: { tasks: 2 } });
  expect(undisturbed.points.length).toBeGreaterThan(20);
  const { answer, parent, child } = undisturbed;
  const left = undisturbed.points.map((_, at) => at + 1);
  const turn = async () => {
    for (let dieAt = left.shift(); dieAt !== undefined; dieAt = left.shift()) {
      const { point, ...played } = await play(dieAt);
      expect({ point, ...played }).toMatchObject({ point, answer, parent, child });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, turn));
});
