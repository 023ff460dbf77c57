/**
 * Placeholders: `<<EMAIL_ADDRESS_1>>` stands for a value that the model must not see, and the journal not hold but in the
 * `mapping` of its `guardrail.redacted` entries. One value has one placeholder in a run, and one placeholder one value.
 */
import { type RunEventData, dataOf } from "./run-event-data.ts";
import type { TextFinding } from "./guardrail-patterns.ts";
import { mapTexts } from "./text-leaves.ts";

const PLACEHOLDER = /<<[A-Z][A-Z0-9_]{0,63}_[0-9]{1,9}>>/g;

/** Longest placeholder there is: `<<`, 64 for what it is, `_`, 9 digits, `>>`. */
export const MAX_PLACEHOLDER_LENGTH = 78;

type Entry = { readonly event_type: string; readonly data: unknown };

/** The placeholders of one run, as far as its journal goes, and those that are added from there. */
export class Placeholders {
  readonly #values = new Map<string, string>();
  readonly #names = new Map<string, string>();
  readonly #counters = new Map<string, number>();
  /** In the texts, but standing for nothing: the user or the model wrote them. Their numbers are not given to a value. */
  readonly #taken = new Set<string>();

  /** Those of a journal: numbers continue after them. */
  static from(entries: readonly Entry[]): Placeholders {
    const placeholders = new Placeholders();
    for (const entry of entries) {
      const mapping = dataOf(entry, "guardrail.redacted")?.mapping;
      if (mapping !== undefined) placeholders.#learn(mapping);
      else
        for (const [found] of JSON.stringify(entry.data ?? null).matchAll(PLACEHOLDER)) placeholders.#taken.add(found);
    }
    return placeholders;
  }

  /**
   * Put placeholders in place of what was found. Where findings overlap, all of it is replaced, and the longest says what it
   * is. `mapping` holds the placeholders that now stand in the text for a finding, also those of earlier texts.
   */
  mask(
    text: string,
    findings: readonly TextFinding[],
  ): { text: string; mapping: RunEventData<"guardrail.redacted">["mapping"] } {
    const known = this.#knownIn(text);
    const mapping: Record<string, string> = {};
    let masked = "";
    let done = 0;
    for (const { entity, start, end } of merge(findings, known)) {
      // A placeholder within what was found is undone first, so that one pass of `unmask` brings back all of it.
      const value = this.unmask(text.slice(start, end));
      const name = this.#nameOf(entity, value);
      mapping[name] = value;
      masked += text.slice(done, start) + name;
      done = end;
    }
    return { text: masked + text.slice(done), mapping };
  }

  /** Values in place of placeholders, in every text of a JSON value, in one pass: a value is not looked into again. */
  unmask<T>(value: T): T {
    if (this.#values.size === 0) return value;
    return mapTexts(value, (text) => text.replace(PLACEHOLDER, (found) => this.#values.get(found) ?? found)) as T;
  }

  /** Placeholders in place of values that are known already, for a text that is made of unmasked ones: an error message. */
  hide(text: string): string {
    const values = [...this.#names.keys()].filter((value) => text.includes(value));
    if (values.length === 0) return text;
    // The longest first: one value may be part of another.
    const alternatives = values
      .sort((a, b) => b.length - a.length)
      .map((value) => value.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
    return text.replace(new RegExp(alternatives.join("|"), "g"), (value) => this.#names.get(value) ?? value);
  }

  /** What looks like a placeholder and stands for nothing: the model made it up. */
  unmapped(text: string): string[] {
    const found = new Set([...text.matchAll(PLACEHOLDER)].map(([name]) => name));
    return [...found].filter((name) => !this.#values.has(name));
  }

  /** Findings that say something new: none that lies within a placeholder. */
  withoutKnown<F extends TextFinding>(text: string, findings: readonly F[]): readonly F[] {
    if (findings.length === 0) return findings;
    const known = this.#knownIn(text);
    return findings.filter(({ start, end }) => end > (placeAt(known, start)?.end ?? start));
  }

  /** Places of placeholders that stand for something; the others are remembered as taken. */
  #knownIn(text: string): Place[] {
    const known: Place[] = [];
    if (!text.includes("<<")) return known;
    for (const { 0: found, index } of text.matchAll(PLACEHOLDER)) {
      if (this.#values.has(found)) known.push({ start: index, end: index + found.length });
      else this.#taken.add(found);
    }
    return known;
  }

  #nameOf(entity: string, value: string): string {
    const existing = this.#names.get(value);
    if (existing !== undefined) return existing;
    const kind = toEntityName(entity);
    let name: string;
    do {
      const number = (this.#counters.get(kind) ?? 0) + 1;
      this.#counters.set(kind, number);
      name = `<<${kind}_${number}>>`;
    } while (this.#values.has(name) || this.#taken.has(name));
    this.#learn({ [name]: value });
    return name;
  }

  #learn(mapping: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(mapping)) {
      this.#values.set(name, value);
      if (!this.#names.has(value)) this.#names.set(value, name);
    }
  }
}

/** Where a placeholder stands in a text. */
interface Place {
  readonly start: number;
  readonly end: number;
}

/** The place that holds a position, of places in order. Halving, as a text may have a hundred thousand of each. */
function placeAt(places: readonly Place[], position: number): Place | undefined {
  let from = 0;
  let to = places.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (places[middle]!.end <= position) from = middle + 1;
    else to = middle;
  }
  const place = places[from];
  return place !== undefined && place.start <= position ? place : undefined;
}

/** Capitals, digits and `_`, so that it can stand in a placeholder. */
function toEntityName(entity: string): string {
  const name = entity
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, "_")
    .replace(/^[^A-Z]+|_+$/g, "")
    .slice(0, 64);
  return name === "" ? "VALUE" : name;
}

/** Ranges that do not overlap, from left to right. Dropping the shorter of two would leave its rest in the text. */
function merge(findings: readonly TextFinding[], known: readonly Place[]): TextFinding[] {
  const merged: (TextFinding & { longest: number })[] = [];
  for (const finding of [...findings].sort((a, b) => a.start - b.start)) {
    const start = placeAt(known, finding.start)?.start ?? finding.start;
    const end = placeAt(known, finding.end - 1)?.end ?? finding.end;
    const length = finding.end - finding.start;
    const last = merged.at(-1);
    if (last === undefined || start >= last.end) {
      merged.push({ entity: finding.entity, start, end, longest: length });
    } else {
      const entity = length > last.longest ? finding.entity : last.entity;
      merged[merged.length - 1] = {
        entity,
        start: Math.min(start, last.start),
        end: Math.max(end, last.end),
        longest: Math.max(length, last.longest),
      };
    }
  }
  return merged;
}
