/** The agent of most examples: a shop's support. It looks orders up, and refunds them once somebody has agreed. */
import { defineAgent, tool } from "myelin";
import { z } from "zod";
import { chooseModel, type Rules, type Turn } from "./model.ts";

const ORDERS: Readonly<Record<number, { readonly item: string; readonly cents: number }>> = {
  7: { item: "a kettle", cents: 3_900 },
  8: { item: "two cups", cents: 1_250 },
};

export const findOrder = tool({
  name: "find_order",
  description: "Look an order up by its number.",
  input: z.object({ orderId: z.number().int() }),
  idempotent: true, // looking twice is as good as once: after a crash it is just done again
  run: ({ orderId }) => {
    const order = ORDERS[orderId];
    if (order === undefined) throw new Error(`there is no order ${orderId}`); // the model reads it, and goes on
    return { orderId, ...order };
  },
});

/** `ctx.key` is the same however often a call is started: what a payment service takes as its idempotency key. */
export const refund = tool({
  name: "refund",
  description: "Pay an order back.",
  input: z.object({ orderId: z.number().int() }),
  timeoutMs: 120_000,
  maxCallsPerRun: 3,
  run: ({ orderId }, ctx) => ({ orderId, refunded: true, receipt: ctx.key.slice(-6) }),
});

export const PROMPT = "You are the support of a shop. Use the tools; answer in one sentence.";

/** `prompt` is what a run has that asks for no other. */
export function supportAgent({ prompt = PROMPT }: { prompt?: string } = {}) {
  return defineAgent({
    name: "support",
    model: chooseModel(answer),
    prompt,
    tools: [findOrder, refund],
    requireApproval: ["refund"],
    budget: { maxTokens: 30_000, onExceeded: "pause" },
    maxIterations: 8,
  });
}

/** How the local model answers. A vendor's needs no such thing. */
function answer(turn: Turn): ReturnType<Rules> {
  const { said, results, tools, request } = turn;
  const prompt = request.messages.find(({ role }) => role === "system")?.content ?? "";
  const mark = prompt.includes("cheerful") ? "!" : ".";
  const last = results.at(-1);
  if (last?.tool === "refund") {
    return last.content.includes('"refunded":true') ? `Your money is on its way${mark}` : `Nobody agreed to it${mark}`;
  }
  if (last) return `${sayOrder(last.content)}${mark}`;
  const orderId = Number(/\d+/.exec(said)?.[0]);
  if (/refund|money back/i.test(said) && tools.includes("refund")) return { tool: "refund", params: { orderId } };
  if (/order/i.test(said) && tools.includes("find_order")) return { tool: "find_order", params: { orderId } };
  const before = request.messages.filter(({ role }) => role === "user").at(-2)?.content;
  if (/what did I/i.test(said)) return `You asked: ${before ?? "nothing"}`;
  return `You said: ${said}`;
}

function sayOrder(result: string): string {
  const { item, cents, error } = JSON.parse(result) as { item?: string; cents?: number; error?: string };
  return item === undefined ? `I looked, and ${error}` : `It is ${item}, for ${((cents ?? 0) / 100).toFixed(2)}`;
}
