/** Scenarios: what a model server must answer for a Model to be put to the test: by the name of the model it is asked for. */

/** A part of an answer, in order. `seal`: what only the vendor can read, and wants back. */
export type ScenarioPart =
  | { readonly text: string }
  | { readonly thought: string; readonly seal: string }
  /** `args` as written by the model, which may be no JSON. */
  | { readonly call: string; readonly name: string; readonly args: string };

/** Tokens, counted once: `input` are those that no cache served. Left out: the server does not say. */
export interface ScenarioUsage {
  readonly input: number;
  readonly output: number;
  readonly cacheRead?: number | undefined;
  readonly cacheWritten?: number | undefined;
  readonly reasoning?: number | undefined;
}

export interface ScenarioAnswer {
  readonly parts: readonly ScenarioPart[];
  readonly usage: ScenarioUsage | null;
  /** The token limit ended it, and the server says so in its own word. */
  readonly isCut?: boolean | undefined;
}

const USAGE: ScenarioUsage = { input: 12, output: 7 };

/** Answers that come whole, and in pieces when they are streamed. */
export const ANSWERS = {
  "says-a-text": { parts: [{ text: "One  two\nthree." }], usage: USAGE },
  "no-usage": { parts: [{ text: "No numbers." }], usage: null },
  "zero-usage": {
    parts: [{ text: "Zero." }],
    usage: { input: 0, output: 0, cacheRead: 0, cacheWritten: 0, reasoning: 0 },
  },
  "cached-usage": {
    parts: [{ text: "Cached." }],
    usage: { input: 5, output: 9, cacheRead: 80, cacheWritten: 15, reasoning: 4 },
  },
  "calls-a-tool": {
    parts: [{ text: "Let me look." }, { call: "call00001", name: "weather", args: '{"city":"Bern"}' }],
    usage: USAGE,
  },
  "calls-two-tools": {
    parts: [
      { call: "call00001", name: "weather", args: '{"city":"Bern"}' },
      { call: "call00002", name: "clock", args: "" },
    ],
    usage: USAGE,
  },
  "breaks-arguments": {
    parts: [
      { call: "call00001", name: "weather", args: '{"city":"Ber' },
      { call: "call00002", name: "weather", args: '["Bern"]' },
    ],
    usage: USAGE,
  },
  "is-cut-in-a-call": {
    parts: [
      { call: "call00001", name: "weather", args: '{"city":"Bern"}' },
      { call: "call00002", name: "clock", args: "" },
    ],
    usage: USAGE,
    isCut: true,
  },
  "is-cut-in-a-text": { parts: [{ text: "One and" }], usage: USAGE, isCut: true },
  "gives-json": { parts: [{ text: '{"city":"Bern","days":3}' }], usage: USAGE },
  "gives-no-json": { parts: [{ text: "I would rather not." }], usage: USAGE },
  thinks: {
    parts: [
      { thought: "Which city?", seal: "seal-1" },
      { call: "call00001", name: "weather", args: '{"city":"Bern"}' },
      { thought: "And when?", seal: "seal-2" },
      { call: "call00002", name: "clock", args: "{}" },
    ],
    usage: USAGE,
  },
} as const satisfies { readonly [model: string]: ScenarioAnswer };

/** What a server does that answers badly, or not at all. Where it answers, a text of several words; a "piece" is one of them. */
export type Accident =
  | "rate-limited-once" // 429 with retry-after 0 for the first request, then the answer
  | "rate-limited" // 429 with retry-after 0, always
  | "rate-limited-long" // 429 with retry-after 600, always
  | "rate-limited-awhile" // 429 with retry-after 8, always
  | "out-of-quota" // 429 with the code insufficient_quota
  | "overloaded-once" // 529 with retry-after 0 for the first request, then the answer
  | "overloaded" // 529, always
  | "unauthorized" // 401 that repeats the key
  | "refused" // 400
  | "bad-gateway" // 502 with a long page, as a proxy says it
  | "error-mid-stream" // a piece, then an error event
  | "cut-mid-stream" // a piece, then the socket is destroyed
  | "ends-early" // a piece, then a polite end without a finish reason
  | "not-json" // a piece, then something that does not parse
  | "stuck" // a piece, then nothing
  | "silent"; // no response at all
