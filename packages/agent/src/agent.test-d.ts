/** What must and must not compile around an agent. Checked by tsc; never run. */
import { scriptedModel } from "@myelin/neuron/testing";
import { z } from "zod";
import { defineAgent, pii, tool } from "./index.ts";

const model = scriptedModel([]);
const base = { name: "support", model, prompt: "You help." };

// A tool gets what its schema gives.
tool({
  name: "a",
  description: "d",
  input: z.object({ id: z.coerce.number(), note: z.string().default("") }),
  run: ({ id, note }) => id.toFixed() + note.length,
});
// @ts-expect-error a tool takes an object
tool({ name: "a", description: "d", input: z.string(), run: () => 1 });
// @ts-expect-error a client tool is run outside
tool({ name: "a", description: "d", input: z.object({}), target: "client", run: () => 1 });
// @ts-expect-error no such option
tool({ name: "a", description: "d", input: z.object({}), run: () => 1, timeout: 5 });

defineAgent({ ...base, output: z.object({ city: z.string() }) });
// @ts-expect-error an output is an object
defineAgent({ ...base, output: z.array(z.string()) });
// @ts-expect-error misspelt
defineAgent({ ...base, requireAproval: ["a"] });
// @ts-expect-error no such action
pii({ action: "hide" });
