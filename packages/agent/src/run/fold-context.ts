/**
 * Fold context: puts context blocks into what the user says. Stable ones before the first message, where a prompt cache
 * keeps them; the others before the current one. Without any, texts are as they were, to the byte.
 */
import type { RunEventData } from "@myelin/bus/run-events";

type Blocks = RunEventData<"run.started">["context"];

export interface Folded {
  /** What the user said first: of the history, or now if there is none. */
  readonly first: string;
  /** What the user says now. The same as `first` when there is no history. */
  readonly current: string;
  readonly isStable: boolean;
}

/** `first` is null when the conversation begins now. */
export function foldContext(blocks: Blocks, first: string | null, current: string): Folded {
  const stable = band(blocks, "stable");
  const dynamic = band(blocks, "dynamic");
  const now = dynamic === "" ? current : `ADDITIONAL CONTEXT:\n${dynamic}\n\nUSER INPUT:\n${current}`;
  const head = first ?? now;
  const begun = stable === "" ? head : `STABLE CONTEXT:\n${stable}\n\nUSER MESSAGE:\n${head}`;
  return { first: begun, current: first === null ? begun : now, isStable: stable !== "" };
}

const band = (blocks: Blocks, placement: Blocks[number]["placement"]): string =>
  blocks
    .filter((block) => block.placement === placement)
    .map(({ content }) => content)
    .join("\n\n");
