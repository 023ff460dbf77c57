/**
 * docs/what-is-stored.md, checked: agents run over a real recorder with a planted value and a planted secret, and every column
 * of every table and every Signal of the log is searched for them. They are where the document says, and nowhere else.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { defineAgent, pii, secrets, tool, type AgentOptions, type Guardrail } from "@myelin/agent";
import type { Bus } from "@myelin/bus";
import { Axon, type Dendrite } from "@myelin/dendrite";
import { scriptedModel, type ScriptedAnswer } from "@myelin/neuron/testing";
import { Recorder } from "@myelin/runs";
import { z } from "zod";
import { readRepository, tableUnder } from "../helpers/docs.ts";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { withDatabase, type TestDatabase } from "../helpers/with-database.ts";
import { withFleet, type Fleet } from "../helpers/with-fleet.ts";

const MAIL = "bob@planted.example";
const SSN = "123-45-6789";
const TOKEN = `gh${"p_"}${"a1B2".repeat(9)}`;
/** Found by a guardrail that is code, so that no caller can. */
const WORD = "hunter2-planted";

const code: Guardrail = {
  name: "code",
  action: "block",
  scan: (text) => {
    const start = text.indexOf(WORD);
    return start < 0 ? [] : [{ entity: "PASSWORD", start, end: start + WORD.length }];
  },
};

const agent = (name: string, script: readonly ScriptedAnswer[], options: Partial<AgentOptions> = {}) =>
  new Axon(
    defineAgent({
      name,
      model: scriptedModel(script),
      prompt: "You help.",
      guardrails: [pii(), secrets(), code],
      recordPayloads: "full",
      ...options,
    }),
  );

const call = (name: string, params: Record<string, unknown>): ScriptedAnswer => ({ toolCalls: [{ name, params }] });
const inBrowser = tool({
  name: "in_browser",
  description: "There.",
  input: z.object({ q: z.string() }),
  target: "client",
});
const lookUp = tool({
  name: "look_up",
  description: "Looks up.",
  input: z.object({ q: z.string() }),
  run: async ({ q }) => ({ [q]: SSN }),
});
const fails = tool({
  name: "fails",
  description: "Fails.",
  input: z.object({ q: z.string() }),
  run: async ({ q }) => {
    throw new Error(`cannot do ${q}`);
  },
});

let fleet: Fleet;
let database: TestDatabase;
let recorder: Recorder;
let dendrite: Dendrite;
let bus: Bus;
const log: string[] = [];

beforeAll(async () => {
  fleet = await withFleet("memory");
  database = await withDatabase();
  bus = await fleet.bus();
  recorder = new Recorder({ bus, databaseUrl: database.url, keepLogMs: null });
  await recorder.start();
  dendrite = await fleet.worker([
    agent(
      "answers",
      [
        { reasoning: `think of ${MAIL}`, ...(call("look_up", { q: "<<EMAIL_ADDRESS_1>>" }) as object) },
        call("fails", { q: MAIL }),
        `${MAIL} has <<US_SSN_1>>`,
      ],
      { tools: [lookUp, fails] },
    ),
    agent("asks", [call("in_browser", { q: "<<EMAIL_ADDRESS_1>>" })], { tools: [inBrowser] }),
    agent("asks_again", [call("in_browser", { q: "x" }), "thank you"], { tools: [inBrowser] }),
    agent("approves", [call("look_up", { q: MAIL })], { tools: [lookUp], requireApproval: ["look_up"] }),
    agent("fails", [new Error(`the model is gone, <<EMAIL_ADDRESS_1>>`)]),
    agent("refuses", ["never"]),
    agent("leaks", [`the token is ${TOKEN}`]),
    agent("fetches", [call("look_up", { q: "x" }), "never"], {
      tools: [{ ...lookUp, run: async () => ({ token: TOKEN, word: WORD }) }],
    }),
  ]);
});
afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
  await recorder[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
expectNoLeaks();

const input = {
  text: `I am ${MAIL}`,
  history: [
    { role: "user" as const, content: `write to ${MAIL}` },
    { role: "assistant" as const, content: "I did" },
  ],
  context: [{ content: `a profile of ${MAIL}` }],
};

/** Places that hold a text: `table.column`, and for Signals and entries their type too. */
async function placesOf(text: string): Promise<string[]> {
  const places = new Set<string>();
  const columns = await database.query<{ table: string; column: string }>(
    `SELECT table_name AS table, column_name AS column FROM information_schema.columns AS c
     JOIN information_schema.tables AS t USING (table_schema, table_name)
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
  );
  expect(columns.length).toBeGreaterThan(100);
  for (const { table, column } of columns) {
    const type = { signals: "type", run_events: "event_type" }[table] ?? "NULL";
    const rows = await database.query<{ type: string | null }>(
      `SELECT DISTINCT ${type} AS type FROM "${table}" WHERE strpos("${column}"::text, $1) > 0`,
      [text],
    );
    for (const { type: of } of rows) places.add(of === null ? `${table}.${column}` : `${table}.${column} of ${of}`);
  }
  return [...places].filter((place) => !/^signals_/.test(place)).sort();
}

async function recordAll(): Promise<void> {
  const { lastSeq } = await bus.info();
  await recorder.waitFor(lastSeq);
  log.length = 0;
  for await (const { parsed } of bus.read({})) if (parsed.ok) log.push(JSON.stringify(parsed.signal));
}

describe("docs/what-is-stored.md", () => {
  const rows = tableUnder(readRepository("docs/what-is-stored.md"), "Tables");

  test("a value that is redacted is raw where the table says so, and nowhere else", async () => {
    const { payload } = await dendrite.dispatchAndWait({ neuron: "answers", input, metadata: { mail: MAIL } });
    expect(payload.output).toMatchObject({ answer: `${MAIL} has ${SSN}` });
    await dendrite.dispatchAndWait({ neuron: "asks", input, onPause: "return" });
    await dendrite.dispatchAndWait({ neuron: "approves", input, onPause: "return" });
    await expect(dendrite.dispatchAndWait({ neuron: "fails", input })).rejects.toThrow("EMAIL_ADDRESS_1");
    await recordAll();

    const found = await placesOf(MAIL);
    const documented = rows.filter(([, , what]) => what === "raw").map(([place]) => place!);
    expect(found).toEqual([...documented].sort());
    // What a tool brought in was in no input and no metadata.
    expect(await placesOf(SSN)).toEqual([...documented].filter((place) => !/input|metadata|TASK/.test(place)).sort());
    // The placeholder is where the value is not: the search sees all that is there.
    const masked = await placesOf("<<EMAIL_ADDRESS_1>>");
    for (const place of [
      "messages.content",
      "messages.tool_calls",
      "tool_invocations.params",
      "tool_invocations.error",
    ]) {
      expect(masked).toContain(place);
    }
    expect(masked).toContain("run_events.data of llm.completed");
    expect(masked).toContain("run_events.data of run.started");
    expect(masked).toContain("llm_calls.error_message");
    expect(masked).toContain("dead_letters.message");
    const types = new Set(
      log.filter((signal) => signal.includes(MAIL)).map((signal) => (JSON.parse(signal) as { type: string }).type),
    );
    expect([...types].sort()).toEqual(["AGENT_OUTPUT", "RUN_EVENT", "TASK"]);
  });

  test.each([
    [
      "a word that only code finds, in a request",
      "refuses",
      `my word is ${WORD}`,
      WORD,
      ["runs.input", "signals.payload of TASK"],
    ],
    [
      "a token in a request that no caller has looked at",
      "refuses",
      `my token is ${TOKEN}`,
      TOKEN,
      ["runs.input", "signals.payload of TASK"],
    ],
    ["a token that the model gave", "leaks", "what is the token?", TOKEN, []],
    ["a token that a tool gave", "fetches", "what is the token?", TOKEN, []],
  ])(
    "%s is blocked in the worker, and stored at most where it was sent",
    async (_title, neuron, text, secret, places) => {
      await expect(dendrite.dispatchAndWait({ neuron, input: { text } })).rejects.toMatchObject({
        code: "GUARDRAIL_BLOCKED",
      });
      await recordAll();
      const found = await placesOf(secret);
      // The one before it was sent raw too; nothing but TASKs holds either.
      expect(found.filter((place) => !["runs.input", "signals.payload of TASK"].includes(place))).toEqual([]);
      for (const place of places) expect(found).toContain(place);
      expect(await placesOf("[blocked by guardrail]").then((all) => all.length)).toBeGreaterThan(0);
    },
  );

  test("a token that callers and submitters look for is stored nowhere, and a value that is submitted is in the mapping only", async () => {
    const secret = TOKEN.replace("a1B2", "z9Y8");
    const submitted = "ann@submitted.example";
    await expect(dendrite.run("refuses", { text: secret })).rejects.toThrow("GITHUB_TOKEN");
    const { runId, pause } = await dendrite.run("asks_again", { text: `I am ${MAIL}` });
    const [{ callId } = { callId: "" }] = pause!.pending;
    const refused = dendrite.submitToolResults(runId, { results: [{ callId, result: secret }] });
    await expect(refused).rejects.toThrow("GITHUB_TOKEN");
    await dendrite
      .submitToolResults(runId, { results: [{ callId, result: submitted }] })
      .then((taken) => taken.result());
    await recordAll();
    expect(await placesOf(secret)).toEqual([]);
    expect(log.join("")).not.toContain(secret);
    expect(await placesOf(submitted)).toEqual([
      "run_events.data of guardrail.redacted",
      "signals.payload of RUN_EVENT",
    ]);
  });

  test("names every table that holds something of a run", async () => {
    const tables = new Set(rows.map(([place]) => place!.split(".")[0]!));
    const of = [
      "runs",
      "run_events",
      "llm_calls",
      "tool_invocations",
      "messages",
      "signals",
      "dead_letters",
      "workers",
    ];
    expect([...tables].sort()).toEqual([...of].sort());
  });
});
