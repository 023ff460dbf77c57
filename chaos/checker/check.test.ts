import { describe, expect, test } from "@jest/globals";
import { check, type Evidence } from "./check.ts";
import type { NotedFact } from "./facts.ts";
import type { Terminal } from "./log-record.ts";
import type { RunRow } from "./tables-record.ts";

const TASK = { fact: "acknowledged", seq: 1, duplicate: false, id: "evt_task", type: "TASK", run: "run_a", op: "op-1" };
const REPLY = { fact: "acknowledged", seq: 2, duplicate: false, id: "evt_reply", type: "AGENT_OUTPUT", run: "run_a" };
const COMPLETED = {
  fact: "completed",
  run: "run_a",
  op: "op-1",
  id: "evt_reply",
  type: "AGENT_OUTPUT",
  isRight: true,
};
const EFFECT = { fact: "effect", run: "run_a", step: "charge" };
const STEPPED = { fact: "stepped", run: "run_a", step: "charge" };
const FIRST: Terminal = { seq: 2, id: "evt_reply", run: "run_a", type: "AGENT_OUTPUT" };
const LATE: Terminal = { seq: 3, id: "evt_late", run: "run_a", type: "AGENT_OUTPUT" };

/** What to change about an operation that went well. */
interface Changes {
  facts?: object[];
  ids?: (string | null)[];
  terminals?: Terminal[];
  signals?: string[];
  dead?: number[];
  row?: RunRow | null;
}

/** Facts are noted a millisecond apart. */
function evidence(changes: Changes = {}): Evidence {
  const {
    facts = [TASK, { fact: "started", run: "run_a", op: "op-1", attempt: 1 }, REPLY, COMPLETED],
    ids = ["evt_task", "evt_reply"],
    terminals = [FIRST],
    signals = ["evt_task", "evt_reply"],
    dead = [],
    row = { run: "run_a", status: "success", terminalSeq: 2, terminals: 1 },
  } = changes;
  const numbered = <T>(list: readonly T[]) => list.map((one, at) => [at + 1, one] as const);
  return {
    facts: facts.map((fact, at) => ({ at, by: "somebody", ...fact }) as NotedFact),
    log: {
      entries: new Map(numbered(ids).map(([seq, id]) => [seq, { seq, id }])),
      terminals: new Map(terminals.length > 0 ? [["run_a", terminals]] : []),
    },
    tables: {
      signals: new Map(numbered(signals).map(([seq, id]) => [seq, { seq, id, type: "AUDIT", run: null }])),
      doubled: [],
      deadLetters: new Set(dead),
      runs: new Map(row ? [["run_a", row]] : []),
    },
  };
}

const NOTHING = { lost: 0, doubleTerminals: 0, unrecorded: 0, duplicatedEffects: 0, lateTerminals: 0, reexecutions: 0 };

describe("the checker", () => {
  test("finds nothing when facts, log and tables agree", () => {
    expect(check(evidence())).toMatchObject({ ...NOTHING, operations: 1, successes: 1, refused: 0, problems: [] });
  });

  test("an accepted task without a terminal is lost", () => {
    const open = { run: "run_a", status: "running", terminalSeq: null, terminals: 0 };
    const found = check(
      evidence({ facts: [TASK], ids: ["evt_task"], terminals: [], signals: ["evt_task"], row: open }),
    );
    expect(found).toMatchObject({ ...NOTHING, lost: 1 });
    expect(found.problems).toEqual(["run_a (op-1 of somebody) was accepted and has no terminal in the log"]);
  });

  test("an acknowledged append that is not in the log, or another is in its place, is lost", () => {
    expect(check(evidence({ ids: ["evt_task"] })).lost).toBe(1);
    expect(check(evidence({ ids: ["evt_task", "evt_other"] })).lost).toBe(1);
    const facts = [TASK, { ...REPLY, id: "evt_second", duplicate: true }, COMPLETED];
    expect(check(evidence({ facts })).lost).toBe(0);
  });

  test("a caller whose task was accepted and who got no reply has lost it; one that was refused has not", () => {
    const failed = { fact: "failed", op: "op-1", code: "DISPATCH_TIMEOUT", message: "no reply" };
    expect(check(evidence({ facts: [TASK, failed] })).lost).toBe(1);
    const refused = { fact: "failed", op: "op-2", code: "LOG_UNAVAILABLE", message: "away" };
    const found = check(evidence({ facts: [TASK, REPLY, COMPLETED, refused] }));
    expect(found).toMatchObject({ ...NOTHING, refused: 1, problems: [] });
  });

  test("A1: a caller, or a row, with another terminal than the first in the log is a double terminal", () => {
    const both = { ids: ["evt_task", "evt_reply", "evt_late"], signals: ["evt_task", "evt_reply", "evt_late"] };
    const terminals = [FIRST, LATE];
    const row = { run: "run_a", status: "success", terminalSeq: 2, terminals: 2 };
    expect(check(evidence({ ...both, terminals, row }))).toMatchObject({ ...NOTHING, lateTerminals: 1, problems: [] });
    const facts = [TASK, REPLY, { ...COMPLETED, id: "evt_late" }];
    expect(check(evidence({ ...both, terminals, row, facts })).doubleTerminals).toBe(1);
    expect(check(evidence({ ...both, terminals, row: { ...row, terminalSeq: 3 } })).doubleTerminals).toBe(1);
    expect(check(evidence({ ...both, terminals, row: { ...row, status: "error" } })).doubleTerminals).toBe(1);
  });

  test("an operation with an idempotency key and two runs is doubled; without a key it is not", () => {
    const again = { ...TASK, run: "run_b", duplicate: true };
    const keyed = { fact: "asked", op: "op-1", keyed: {} };
    expect(check(evidence({ facts: [keyed, TASK, again, REPLY, COMPLETED] })).doubleTerminals).toBe(1);
    expect(check(evidence({ facts: [TASK, again, REPLY, COMPLETED] })).doubleTerminals).toBe(0);
  });

  test("R2: an entry of the log that is neither a signal nor a dead letter, and a run without a row, is unrecorded", () => {
    expect(check(evidence({ signals: ["evt_task"] })).unrecorded).toBe(1);
    expect(check(evidence({ signals: ["evt_task", "evt_other"] })).unrecorded).toBe(1);
    expect(check(evidence({ signals: ["evt_task"], dead: [2] })).unrecorded).toBe(0);
    expect(check(evidence({ row: null })).unrecorded).toBe(1);
  });

  test("an effect after its step was acknowledged is duplicated; one before that is in doubt", () => {
    const story = (...steps: object[]) => check(evidence({ facts: [TASK, ...steps, REPLY, COMPLETED] }));
    expect(story(EFFECT, STEPPED)).toMatchObject({ duplicatedEffects: 0, effectsInDoubt: 0 });
    expect(story(EFFECT, EFFECT, STEPPED)).toMatchObject({ duplicatedEffects: 0, effectsInDoubt: 1 });
    expect(story(EFFECT, STEPPED, EFFECT)).toMatchObject({ duplicatedEffects: 1, effectsInDoubt: 0 });
  });

  test("an answer to another question, and an error nobody documented, is a problem", () => {
    expect(check(evidence({ facts: [TASK, REPLY, { ...COMPLETED, isRight: false }] })).problems).toHaveLength(1);
    const odd = { fact: "failed", op: "op-2", code: "TypeError", message: "undefined is no function" };
    expect(check(evidence({ facts: [TASK, REPLY, COMPLETED, odd] })).problems).toHaveLength(1);
  });
});
