/**
 * A worker process for tests that kills itself (-9) where its input says, in the first start of a task: between steps, inside
 * a step after its effect, or in every start. Effects are lines of a file.
 */
import { appendFileSync } from "node:fs";
import { Axon, connectSynapse, Dendrite, type NeuronContext } from "myelin";

const [url = "", namespace = "", effects = ""] = process.argv.slice(2);
const synapse = await connectSynapse(url);
const dendrite = new Dendrite({ synapse, namespace, dendriteId: "stepper", ackWaitMs: 500 });

const die = () => process.kill(process.pid, "SIGKILL");
const effect = (name: string) => appendFileSync(effects, `${name}\n`);

async function neuron({ dieAt }: { dieAt?: unknown }, ctx: NeuronContext) {
  const isFirst = ctx.attempt === 1;
  if (dieAt === "always") die();
  const a = await ctx.step("a", () => (effect("a"), "done a"));
  if (dieAt === "between" && isFirst) die();
  const b = await ctx.step(
    "b",
    () => {
      effect("b");
      if (dieAt === "inside" || dieAt === "announced") if (isFirst) die();
      return "done b";
    },
    { repeatable: dieAt !== "announced" },
  );
  return { a, b, attempt: ctx.attempt };
}

dendrite.attachAxon(new Axon({ neuronId: "stepper", neuron, retry: { maxAttempts: 3, backoffMs: 50 } }));
await dendrite.start();
process.stdout.write("ready\n");
await dendrite.untilStopped();
await synapse.drain();
