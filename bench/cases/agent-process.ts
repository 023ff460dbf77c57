/**
 * The programs of agent/runs: one that hosts the agent, one that asks for runs, one that records, and the same loop without
 * Myelin: by hand, keeping nothing, and by hand, committing each step to Postgres.
 */
import { defineAgent, tool } from "@myelin/agent";
import { connectSynapse } from "@myelin/bus";
import { Axon, Dendrite } from "@myelin/dendrite";
import type { ModelMessage } from "@myelin/neuron";
import { Recorder } from "@myelin/runs";
import pg from "pg";
import { z } from "zod";
import { add, ANSWER, instantModel, QUESTION } from "../contenders/agent-model.ts";
import { serveParent } from "../harness/child.ts";
import { cpuUs, keepGoing } from "../harness/load.ts";
import type { MeasureArgument } from "../harness/fleet.ts";
import type { Round } from "../harness/statistics.ts";

export interface OpenArgument {
  readonly url: string;
  readonly namespace: string;
  readonly databaseUrl: string;
}

const AGENT = "adder";
const CONCURRENCY = 64;
/** What a hand-written durable loop commits, step by step. */
const STEPS_TABLE =
  "CREATE TABLE IF NOT EXISTS bench_steps (run_id text, step int, data jsonb, PRIMARY KEY (run_id, step))";

const addTool = tool({
  name: "add",
  description: "Adds two numbers",
  input: z.object({ a: z.number(), b: z.number() }),
  run: (numbers) => Promise.resolve(add(numbers)),
});

const open: { stop: () => Promise<unknown> }[] = [];
let dispatcher: Dendrite | undefined;
let recorder: { recorder: Recorder; lastSeq: () => Promise<number> } | undefined;
let pool: pg.Pool | undefined;

async function connect({ url, namespace }: OpenArgument): Promise<Dendrite> {
  const synapse = await connectSynapse(url);
  const dendrite = new Dendrite({ synapse, namespace, drainMs: 1_000 });
  open.push({ stop: () => dendrite.stop().then(() => synapse.drain()) });
  return dendrite;
}

/** The loop as anybody writes it: ask the model, run what it wants, ask again. `onStep` keeps what must survive. */
async function loopByHand(onStep: (step: number, data: unknown) => Promise<void> | void): Promise<string> {
  const messages: ModelMessage[] = [{ role: "user", content: QUESTION }];
  const signal = new AbortController().signal;
  let step = 0;
  await onStep(step++, messages[0]);
  for (;;) {
    const answer = await instantModel.generate({ messages, tools: [] }, { signal });
    await onStep(step++, answer);
    if (answer.toolCalls.length === 0) return answer.text;
    const toolCalls = answer.toolCalls.map((call, at) => ({ ...call, id: `call_${at}` }));
    messages.push({ role: "assistant", content: answer.text, toolCalls });
    for (const { id, providerCallId, name, params } of toolCalls) {
      const content = JSON.stringify(add(params as { a: number; b: number }));
      await onStep(step++, content);
      messages.push({ role: "tool", callId: id, providerCallId, toolName: name, content });
    }
  }
}

function check(answer: string | null): void {
  if (answer !== ANSWER) throw new Error(`a run answered ${JSON.stringify(answer)}`);
}

serveParent({
  async work(argument: OpenArgument): Promise<void> {
    const agent = defineAgent({ name: AGENT, model: instantModel, prompt: "You add numbers.", tools: [addTool] });
    const dendrite = await connect(argument);
    dendrite.attachAxon(new Axon({ ...agent, concurrency: CONCURRENCY }));
    await dendrite.start();
  },

  async record({ url, namespace, databaseUrl }: OpenArgument): Promise<void> {
    const synapse = await connectSynapse(url);
    const bus = await synapse.open(namespace);
    const started = new Recorder({ bus, databaseUrl });
    open.push({ stop: () => started.drain().then(() => synapse.drain()) });
    await started.start();
    recorder = { recorder: started, lastSeq: async () => (await bus.info()).lastSeq };
  },

  /** Everything that is in the log now is in Postgres. */
  async recorded(): Promise<void> {
    await recorder!.recorder.waitFor(await recorder!.lastSeq());
  },

  async ask(argument: OpenArgument): Promise<void> {
    dispatcher = await connect(argument);
  },

  async openLoops({ databaseUrl }: OpenArgument): Promise<void> {
    pool = new pg.Pool({ connectionString: databaseUrl, max: 16 });
    await pool.query(STEPS_TABLE);
  },

  measure: (load: MeasureArgument): Promise<Round> =>
    keepGoing(load, async () => check((await dispatcher!.run(AGENT, { text: QUESTION })).answer)),

  measureLoop: (load: MeasureArgument): Promise<Round> =>
    keepGoing(load, async () => check(await loopByHand(() => {}))),

  measureCommits: (load: MeasureArgument): Promise<Round> =>
    keepGoing(load, async () => {
      const runId = crypto.randomUUID();
      const commit = async (step: number, data: unknown) => {
        await pool!.query("INSERT INTO bench_steps VALUES ($1, $2, $3)", [runId, step, JSON.stringify(data)]);
      };
      check(await loopByHand(commit));
    }),

  cpuUs,

  async stop(): Promise<void> {
    await Promise.all(open.map((one) => one.stop()));
    await pool?.end();
  },
});
