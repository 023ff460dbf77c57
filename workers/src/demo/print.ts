/** What the demo shows, as lines of text. Pure. */
import type { TraceNode } from "@myelin/runs";
import { isAnswer, type Answer, type Unanswered } from "./ask.ts";
import type { Story } from "./story.ts";

/** Characters of an answer that are shown; it is whole in Postgres. */
const SHOWN = 280;
const WIDTH = 100;

/** A question, its answer (short), who gave it, and how long that took. */
export function answerLines(result: Answer | Unanswered): string[] {
  if (!isAnswer(result)) return ["", `? ${result.question}`, `  no answer: ${result.problem}`];
  const text = result.response.replace(/\s+/g, " ").trim();
  const short = text.length > SHOWN ? `${text.slice(0, SHOWN).replace(/\s+\S*$/, "")} …` : text;
  return [
    "",
    `? ${result.question}`,
    ...wrap(short).map((line) => `  ${line}`),
    `  — worker ${result.instance}, ${formatMs(result.ms)}`,
  ];
}

/** A trace as a causal tree, with the time since its first Signal. */
export function traceLines(trace: readonly TraceNode[]): string[] {
  const start = trace[0]?.signal.storedAt.getTime() ?? 0;
  const draw = (node: TraceNode, indent: string, branch: string): string[] => {
    const { type, directed, storedAt, seq } = node.signal;
    const name = `${indent}${branch}${type} ${directed?.id ?? ""}`.trimEnd();
    const when = `${storedAt.getTime() - start} ms`;
    const below = branch === "" ? indent : `${indent}${branch === "└─ " ? "   " : "│  "}`;
    const children = node.children.flatMap((child, at) =>
      draw(child, below, at === node.children.length - 1 ? "└─ " : "├─ "),
    );
    return [`  ${name.padEnd(36)} ${when.padStart(7)}   log ${seq}`, ...children];
  };
  return trace.flatMap((node) => draw(node, "", ""));
}

/** The counts, and what is wrong with them. */
export function countLines(story: Story, answered: number, workers: ReadonlyMap<string, number>): string[] {
  const shares = [...workers].map(([instance, count]) => `${instance} ${count}`).join(", ");
  return [
    `answers   ${answered} (${shares || "none"})`,
    `runs      ${story.runs} in Postgres`,
    `Signals   ${story.logSignals} in the log, ${story.recordedSignals} of them rows in Postgres, ${story.missing.length} missing`,
    ...story.missing.map((label) => `          missing: ${label}`),
  ];
}

export const formatMs = (ms: number): string => (ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`);

function wrap(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length + 1 > WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
