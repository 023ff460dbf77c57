/**
 * The docs answerer: a neuron that answers prompts from Markdown files by full-text search. It is what a worker runs when
 * no model is configured: real retrieval, offline, and honest when it finds nothing.
 */
import MiniSearch from "minisearch";
import { NeuronFailure, type JsonObject, type Neuron } from "myelin";
import { readSections, type Section } from "./docs-sections.ts";

export type DocsAnswer = {
  /** The text of the section that fits best, and where it is from; or that there is none. */
  response: string;
  /** The sections that fit, the best first, at most three. Empty when nothing was found. */
  sources: { file: string; heading: string }[];
};

export interface DocsAnswererOptions {
  /** Folder of Markdown files. Default: the docs of Myelin, and its README. */
  readonly directory?: string | undefined;
}

/** Words that say nothing about what is asked. */
const STOP_WORDS = new Set(
  `a about an and any are as at be by can could do does doing done explain for from get give had happen happened happens has have how i if in
  into is it its let like make may me mean means might my myelin of on one or please say says should show so some tell
  than that the their them then there these they this to under us use used uses using was we were what when where which
  while who why will with would you your`.split(/\s+/),
);
/** Of what is asked, this much must be found in a section, or it is not about it. */
const MIN_COVERAGE = 0.5;
const MAX_SOURCES = 3;
const MAX_ANSWER_LENGTH = 900;

/** Read and index the files once; every prompt is then answered from memory. Rejects when there are none. */
export async function docsAnswerer(options: DocsAnswererOptions = {}): Promise<Neuron<JsonObject, DocsAnswer>> {
  const sections = await readSections(options.directory);
  const index = new MiniSearch<Section>({
    fields: ["heading", "text"],
    processTerm: (word) => toTerm(word),
    searchOptions: {
      // The title of a section says what it is about; a mention in another's text says little.
      boost: { heading: 6 },
      // The glossary explains a word, where other documents use it.
      boostDocument: (_id, _term, stored) => (stored?.["isGlossary"] === true ? 2 : 1),
      prefix: (term) => term.length > 4,
      fuzzy: (term) => (term.length > 5 ? 0.15 : false),
    },
    storeFields: ["isGlossary"],
  });
  index.addAll(sections);
  const byId = new Map(sections.map((section) => [section.id, section]));

  return (input, ctx) => {
    const prompt = promptOf(input);
    const terms = termsOf(prompt);
    const found = index
      .search(prompt)
      .filter((hit) => hit.queryTerms.length >= terms.length * MIN_COVERAGE)
      .slice(0, MAX_SOURCES)
      .map(({ id }) => byId.get(id as number)!);
    const [best] = found;
    const response =
      best === undefined
        ? `The docs say nothing about that. They are about Myelin: ask for example "What is a Dendrite?"`
        : `${shorten(withoutOtherRows(best.text, terms))}\n\n(${best.file}, "${best.heading}")`;
    for (const piece of response.match(/\S+\s*/g) ?? []) ctx.thought(piece);
    return { response, sources: found.map(({ file, heading }) => ({ file, heading })) };
  };
}

function promptOf(input: JsonObject): string {
  const { prompt } = input;
  if (typeof prompt === "string" && prompt.trim() !== "") return prompt;
  throw new NeuronFailure("INPUT_INVALID", 'the input must be { "prompt": "…" } with text in it');
}

const termsOf = (text: string): string[] => [
  ...new Set(text.split(/[^\p{L}\p{N}_]+/u).flatMap((word) => toTerm(word) ?? [])),
];

/** A word as it is indexed and searched for: lower case, without a plural's s; null for what says nothing. */
function toTerm(word: string): string | null {
  const lower = word.toLowerCase();
  if (lower.length < 2 || STOP_WORDS.has(lower)) return null;
  return lower.length > 3 && lower.endsWith("s") && !lower.endsWith("ss") ? lower.slice(0, -1) : lower;
}

/**
 * A text whose tables are sentences, "cell: cell", and hold only the rows that speak of what is asked (all, when none
 * does): of "What happens when a worker dies?" the answer is a row.
 */
function withoutOtherRows(text: string, terms: readonly string[]): string {
  return text.replace(/(?:^\|.*\n?)+/gm, (table) => {
    const rows = table.trim().split("\n").slice(2);
    const counts = rows.map((row) => termsOf(row).filter((term) => terms.includes(term)).length);
    const most = Math.max(...counts);
    const best = rows.filter((_, at) => counts[at] === most);
    const sentences = best.map((row) =>
      row
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim())
        .join(": "),
    );
    return sentences.join("\n");
  });
}

/** Whole paragraphs, as many as fit; a first one that is longer is cut at a word. */
function shorten(text: string): string {
  let short = "";
  for (const paragraph of text.split(/\n{2,}/)) {
    if (short !== "" && short.length + paragraph.length > MAX_ANSWER_LENGTH) break;
    short += (short === "" ? "" : "\n\n") + paragraph;
  }
  if (short.length <= MAX_ANSWER_LENGTH) return short;
  return `${short.slice(0, MAX_ANSWER_LENGTH).replace(/\s+\S*$/, "")} …`;
}
