import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { fakeNeuronContext } from "../../test/helpers/fake-neuron-context.ts";
import { docsAnswerer, type DocsAnswer } from "./docs-answerer.ts";
import { cutAtHeadings } from "./docs-sections.ts";

async function ask(directory: string | undefined, prompt: unknown): Promise<DocsAnswer & { thoughts: string[] }> {
  const neuron = await docsAnswerer({ directory });
  const { ctx, thoughts } = fakeNeuronContext();
  return { ...((await neuron({ prompt }, ctx)) as DocsAnswer), thoughts };
}

describe("over the docs of Myelin", () => {
  test.each([
    ["What is a Dendrite?", /^A Dendrite is the client object of Myelin/, "docs/glossary.md", "Dendrite"],
    ["dendrites", /^A Dendrite is/, "docs/glossary.md", "Dendrite"],
    ["What's an Axon?", /hosts one Neuron/, "docs/glossary.md", "Axon"],
    ["What is a Neuron?", /plain function/, "docs/glossary.md", "Neuron"],
    ["What is a Synapse?", /transport/, "docs/glossary.md", "Synapse"],
    ["what is the recorder", /reads the whole log/, "docs/glossary.md", "Recorder"],
    [
      "What happens when a worker is killed with kill -9?",
      /go to another replica/,
      "docs/deployment.md",
      "What dies, and what happens",
    ],
  ])("%s", async (prompt, answer, file, heading) => {
    const { response, sources } = await ask(undefined, prompt);
    expect(response).toMatch(answer);
    expect(response).toContain(`(${file}, "${heading}")`);
    expect(sources[0]).toEqual({ file, heading });
  });

  test.each([
    "What is the capital of France?",
    "How do I bake bread?",
    "Who won the world cup in 2018?",
    "qwertz asdfg",
    "?!",
    "What is the?",
  ])("says plainly that it found nothing: %s", async (prompt) => {
    expect(await ask(undefined, prompt)).toMatchObject({
      response: expect.stringMatching(/^The docs say nothing about that/),
      sources: [],
    });
  });

  test("streams its answer as it is", async () => {
    const { response, thoughts } = await ask(undefined, "What is a Dendrite?");
    expect(thoughts.length).toBeGreaterThan(10);
    expect(thoughts.join("")).toBe(response);
  });

  test.each([undefined, "", "  ", 7, null])("refuses the prompt %p with INPUT_INVALID", async (prompt) => {
    await expect(ask(undefined, prompt)).rejects.toMatchObject({ code: "INPUT_INVALID" });
  });
});

describe("over a folder of one's own", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "docs-"));
    const table = "| animal | sound |\n|---|---|\n| the cow | moo |\n| the duck | quack |\n";
    await writeFile(path.join(directory, "zoo.md"), `# Zoo\n\nAnimals and what they say.\n\n## Sounds\n\n${table}`);
    await writeFile(path.join(directory, "long.md"), `# Endless\n\n${"river of words ".repeat(500)}`);
    await writeFile(path.join(directory, "notes.txt"), "secret giraffe");
  });
  afterAll(() => rm(directory, { recursive: true }));

  test("answers with the row of a table that was asked for, as a sentence", async () => {
    const { response } = await ask(directory, "What sound does the duck make?");
    expect(response).toBe('the duck: quack\n\n(zoo.md, "Sounds")');
  });

  test("cuts what is too long at a word", async () => {
    const { response } = await ask(directory, "endless river");
    expect(response).toMatch(/river of words …\n\n\(long\.md/);
    expect(response.length).toBeLessThan(1_000);
  });

  test("reads Markdown only", async () => {
    expect((await ask(directory, "giraffe")).sources).toEqual([]);
  });

  test("a folder without Markdown, or that is not there, is said when the worker starts", async () => {
    const empty = await mkdtemp(path.join(tmpdir(), "docs-"));
    await expect(docsAnswerer({ directory: empty })).rejects.toMatchObject({ code: "DOCS_NOT_FOUND" });
    await rm(empty, { recursive: true });
    await expect(docsAnswerer({ directory: empty })).rejects.toThrow(`MYELIN_DOCS_DIR=${empty} cannot be read`);
  });
});

describe("cutAtHeadings", () => {
  test("cuts at headings of every level, and not at comments in code", () => {
    const markdown =
      "intro\n\n# One `x`\n\n```sh\n# not a heading\n```\n\n### Two ###\n<!-- # gone -->\ntext\n\n## Empty\n";
    expect(cutAtHeadings(markdown, "file")).toEqual([
      { heading: "file", text: "intro" },
      { heading: "One x", text: "```sh\n# not a heading\n```" },
      { heading: "Two", text: "text" },
    ]);
  });
});
