/**
 * StreamGuard: an answer shown while it is written, with nothing of it that may not pass. Real values stand in place of
 * placeholders, as in the final answer; what a `block` guardrail finds ends the stream before a character of it is shown.
 *
 * Text is held back as long as it may become part of a find: half a placeholder always, and where something may block the
 * last 256 characters, back to a blank. So a find is seen before its beginning is shown as long as 256 characters of it are
 * enough to find it. All of the answer is looked at again when it is complete, before it is kept.
 */
import { MAX_PLACEHOLDER_LENGTH, type Blocked } from "@myelin/bus/run-events";
import type { Finding } from "../guardrail.ts";

export interface StreamGuardOptions {
  readonly signal: AbortSignal;
  /** Text that may be shown. */
  readonly onText: (text: string) => void;
  /** Called once, when the answer must not go on: abort the model's call. */
  readonly onBlocked: (blocked: Blocked) => void;
}

export interface StreamGuard {
  /** One more piece. Never throws; after a block nothing more is shown. */
  push(delta: string): void;
  /** The answer is complete: show the rest. Resolves once all is shown; rejects when a guardrail failed. */
  end(): Promise<Blocked | null>;
}

type Find = (text: string) => Promise<readonly { readonly guardrail: string; readonly findings: readonly Finding[] }[]>;

const WINDOW = 256;
/** A word may be longer than the window: a token's first part is not shown before the rest is known. */
const LONGEST_WORD = 4096;
/** A find that reaches this near to the end may still turn out to be none: the next digit is not there yet. */
const LOOKAHEAD = 16;

export function createStreamGuard(
  find: Find | null,
  unmask: (text: string) => string,
  { onText, onBlocked }: StreamGuardOptions,
): StreamGuard {
  /** Shown already, and needed to see where a word begins; `held` follows it. */
  let context = "";
  let held = "";
  let blocked: Blocked | null = null;
  let isComplete = false;
  let isDirty = false;
  let running: Promise<void> | null = null;

  const show = (length: number): void => {
    const text = held.slice(0, length);
    held = held.slice(length);
    context = (context + text).slice(-WINDOW);
    if (text !== "") onText(unmask(text));
  };

  /** How much of a text nothing is found in so far, and what is sure to be one. */
  const look = async (
    find: Find,
    text: string,
    isLast: boolean,
  ): Promise<{ limit: number; blocked: Blocked | null }> => {
    const isCut = context.length === WINDOW;
    let limit = isLast ? text.length : beforeWord(text, text.length - WINDOW);
    for (const { guardrail, findings } of await find(text)) {
      // Where the context was cut, a word may seem to begin that does not.
      const real = findings.filter(({ start }) => !isCut || start >= LOOKAHEAD);
      const sure = real.filter(({ start, end }) => isLast || end + LOOKAHEAD <= text.length || end - start > WINDOW);
      if (sure.length > 0) {
        return { limit: 0, blocked: { guardrail, entities: [...new Set(sure.map(({ entity }) => entity))] } };
      }
      for (const { start } of real) limit = Math.min(limit, start);
    }
    return { limit, blocked: null };
  };

  const turn = async (find: Find): Promise<void> => {
    const isLast = isComplete;
    const text = context + held;
    const shown = context.length;
    const found = await look(find, text, isLast);
    blocked = found.blocked;
    if (blocked !== null) return onBlocked(blocked);
    show(Math.max(0, (isLast ? text.length : beforePart(text, found.limit)) - shown));
  };

  /** One turn at a time; what comes meanwhile is of the next. */
  const run = async (find: Find): Promise<void> => {
    while (isDirty && blocked === null) {
      isDirty = false;
      await turn(find);
    }
    running = null;
  };

  const go = (): void => {
    isDirty = true;
    if (find === null) return show(isComplete ? held.length : beforePart(held, held.length));
    running ??= run(find);
    running.catch(() => {
      // Told to whoever ends the stream; until then nothing more is shown, as `running` stays.
    });
  };

  return {
    push(delta) {
      if (blocked !== null || isComplete) return;
      held += delta;
      go();
    },
    async end() {
      isComplete = true;
      go();
      await running;
      return blocked;
    },
  };
}

/** The beginning of the word at a place, unless it is too long to wait for. */
function beforeWord(text: string, at: number): number {
  if (at <= 0) return 0;
  const blank = text.slice(0, at).search(/\s\S*$/) + 1;
  return at - blank > LONGEST_WORD ? at : blank;
}

/** A place at which neither half a placeholder ends nor half a character. */
function beforePart(text: string, at: number): number {
  const from = Math.max(0, at - MAX_PLACEHOLDER_LENGTH);
  const part = text.slice(from, at).search(/<(?:<(?:[A-Z][A-Z0-9_]*>?)?)?$/);
  const limit = part < 0 ? at : from + part;
  const isHalf = limit > 0 && /[\uD800-\uDBFF]/.test(text[limit - 1]!);
  return isHalf ? limit - 1 : limit;
}
