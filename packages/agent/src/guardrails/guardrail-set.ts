/**
 * GuardrailSet: the guardrails of one run, and the placeholders it has given so far. What they know is in the journal: made
 * from it, a set in another process goes on with the same placeholders. What is appended is what it returns, in the order
 * in which it returned it.
 */
import {
  type Blocked,
  type GuardWhere,
  type Guarded,
  type GuardrailEntry,
  type PatternGuardrail,
  type RunEventEntry,
  Placeholders,
  inLeaf,
  toGuarded,
  looksAt,
  textLeaves,
  textsOf,
} from "@myelin/bus/run-events";
import type { NeuronFailure } from "@myelin/neuron";
import { agentFailure } from "../errors.ts";
import type { Finding, Guardrail } from "../guardrail.ts";
import { isPinned, withPinned } from "./pinned-guardrails.ts";
import { type StreamGuard, type StreamGuardOptions, createStreamGuard } from "./stream-guard.ts";

export class GuardrailSet {
  readonly #guardrails: readonly Guardrail[];
  /** What somebody submitted has not been looked through by them. */
  readonly #unsubmitted: readonly Guardrail[];
  readonly #placeholders: Placeholders;

  private constructor(
    guardrails: readonly Guardrail[],
    pinned: readonly PatternGuardrail[],
    placeholders: Placeholders,
  ) {
    this.#guardrails = guardrails;
    this.#unsubmitted = guardrails.filter((one) => !isPinned(one, pinned));
    this.#placeholders = placeholders;
  }

  /** The set of a run with this journal, which pins these; a new run has neither yet. */
  static from(
    guardrails: readonly Guardrail[],
    entries: readonly RunEventEntry[] = [],
    pinned: readonly PatternGuardrail[] = [],
  ): GuardrailSet {
    const all = withPinned(guardrails, pinned);
    return new GuardrailSet(all, pinned, Placeholders.from(all.length === 0 ? [] : entries));
  }

  get isEmpty(): boolean {
    return this.#guardrails.length === 0;
  }

  /** Whether what was submitted is still to be looked at. */
  get looksAtSubmitted(): boolean {
    return this.#unsubmitted.length > 0;
  }

  /**
   * A text as the journal may hold and the model may see it. Append `entries` with or before it. When it is `blocked`, `text`
   * is `[blocked by guardrail]`: keep that, append the entries, and throw `blockedFailure`.
   */
  async redactText(
    text: string,
    where: GuardWhere,
    signal: AbortSignal,
  ): Promise<{ text: string; entries: readonly GuardrailEntry[]; blocked: Blocked | null }> {
    const { value, entries, blocked } = await this.redactJson(text, where, signal);
    return { text: value, entries, blocked };
  }

  /**
   * The same for any JSON: every string, every property's name, and numbers as they are written (one that is masked becomes
   * a string). What is blocked becomes `{}`, `[]` or the text. What is nested deeper than 64 is left out.
   */
  async redactJson<T>(value: T, where: GuardWhere, signal: AbortSignal): Promise<Guarded<T>> {
    return this.#redact(value, this.#guardrails, where, signal);
  }

  /** The same for what was submitted: its submitter has masked what the run's patterns find, so only the others look at it. */
  async redactSubmitted<T>(value: T, where: GuardWhere, signal: AbortSignal): Promise<Guarded<T>> {
    return this.#redact(value, this.#unsubmitted, where, signal);
  }

  async #redact<T>(value: T, all: readonly Guardrail[], where: GuardWhere, signal: AbortSignal): Promise<Guarded<T>> {
    const guardrails = all.filter((guardrail) => looksAt(guardrail, where.direction));
    if (guardrails.length === 0) return { value, entries: [], blocked: null };
    const leaves = textLeaves(value);
    const found = [];
    for (const guardrail of guardrails) {
      const findings: Finding[][] = [];
      // Rows of a table have the same names and many of the same values: each is looked at once.
      const seen = new Map<string, readonly Finding[]>();
      for (const leaf of leaves) {
        const scanned = [];
        for (const { text, offset } of textsOf(leaf)) {
          const inText = seen.get(text) ?? (await scan(guardrail, text, signal));
          seen.set(text, inText);
          scanned.push({ offset, findings: inText });
        }
        findings.push(inLeaf(leaf, scanned));
      }
      found.push({ guardrail, findings });
    }
    // From here on nothing waits: two texts that are looked at at the same time give one value one placeholder.
    return toGuarded(value, leaves, found, where, this.#placeholders);
  }

  /** Real values in place of placeholders, in every text of a JSON value: for a tool, and for the final answer. */
  unmask<T>(value: T): T {
    return this.#placeholders.unmask(value);
  }

  /** Placeholders in place of values that have one, in a text that was made of unmasked ones. */
  hide(text: string): string {
    return this.#placeholders.hide(text);
  }

  /** What looks like a placeholder in a text and stands for nothing. */
  unmappedPlaceholders(text: string): string[] {
    return this.#guardrails.length === 0 ? [] : this.#placeholders.unmapped(text);
  }

  /** For showing an answer while it is written: see `StreamGuard`. One for each answer. */
  stream(options: StreamGuardOptions): StreamGuard {
    const guardrails = this.#guardrails.filter(
      (guardrail) => guardrail.action === "block" && looksAt(guardrail, "outgoing"),
    );
    const find = async (text: string) => {
      const found = [];
      for (const guardrail of guardrails) {
        const findings = this.#placeholders.withoutKnown(text, await scan(guardrail, text, options.signal));
        found.push({ guardrail: guardrail.name, findings });
      }
      return found;
    };
    return createStreamGuard(guardrails.length === 0 ? null : find, (text) => this.unmask(text), options);
  }
}

/** The end of a run in which something was stopped. Says which guardrail and what kind, never what it found. */
export function blockedFailure(
  { guardrail, entities }: Blocked,
  { direction }: Pick<GuardWhere, "direction">,
): NeuronFailure {
  const way = direction === "incoming" ? "what goes to the model" : "what the model gave";
  return agentFailure("GUARDRAIL_BLOCKED", `guardrail "${guardrail}" found ${entities.join(", ")} in ${way}`);
}

/** For an answer that was stopped while it was written: which kinds were found is known, not how many. */
export function blockedEntry({ guardrail, entities }: Blocked, where: GuardWhere): GuardrailEntry {
  const findings = Object.fromEntries(entities.map((entity) => [entity, 1]));
  return {
    event_type: "guardrail.blocked",
    ...(where.iterationIndex !== undefined && { iteration_index: where.iterationIndex }),
    data: { guardrail, findings, direction: where.direction },
  };
}

/** What a caller needs, for the agent's card: the patterns that refuse a message. */
export function cardBlocks(
  guardrails: readonly Guardrail[],
): (PatternGuardrail["patterns"][number] & { guardrail: string })[] {
  return guardrails
    .filter((guardrail) => guardrail.action === "block" && looksAt(guardrail, "incoming"))
    .flatMap(({ name, patterns = [] }) => patterns.map((pattern) => ({ guardrail: name, ...pattern })));
}

/** A guardrail's own word, checked. One that fails lets nothing pass: better no answer than a leak. */
async function scan(guardrail: Guardrail, text: string, signal: AbortSignal): Promise<readonly Finding[]> {
  try {
    const findings = guardrail.scan(text, signal);
    const found = Array.isArray(findings) ? (findings as readonly Finding[]) : await findings;
    for (const { entity, start, end } of found) {
      const isRange =
        Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start < end && end <= text.length;
      if (!isRange || typeof entity !== "string")
        throw new RangeError(`a finding is no range of the text: ${start} to ${end}`);
    }
    return found;
  } catch (cause) {
    if (signal.aborted) throw cause;
    // Its message is not passed on: it may hold the text.
    throw agentFailure("GUARDRAIL_FAILED", `guardrail "${guardrail.name}" failed`, { cause, recoverable: true });
  }
}
