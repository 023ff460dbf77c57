import { afterAll, describe, expect, test } from "@jest/globals";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadSkill, loadSkills } from "./skill.ts";

const root = mkdtempSync(path.join(tmpdir(), "skills-"));
afterAll(() => rmSync(root, { recursive: true }));

function folderWith(name: string, text: string): string {
  const folder = path.join(root, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "SKILL.md"), text);
  return folder;
}

describe("loadSkill", () => {
  test("reads name, description and body", () => {
    const folder = folderWith("a/refunds", '---\r\nname: refunds\r\ndescription: "How: to"\r\n---\r\n\r\n# Do\r\n');
    expect(loadSkill(folder)).toEqual({ name: "refunds", description: "How: to", body: "# Do" });
  });

  test.each([
    ["b/none", "# Only Markdown", "must begin with YAML"],
    ["b/broken", "---\nname: [\n---\n", "its YAML cannot be read"],
    ["b/list", "---\n- name\n---\n", "its YAML: "],
    ["b/nodesc", "---\nname: nodesc\n---\n", "description: "],
    ["b/Upper", "---\nname: Upper\ndescription: d\n---\n", "name: must be of a-z 0-9 -"],
    ["b/two--dashes", "---\nname: two--dashes\ndescription: d\n---\n", 'name: may not hold "--"'],
    ["b/other", "---\nname: another\ndescription: d\n---\n", 'its name is "another", but its folder is "other"'],
  ])("refuses %s with the file and what is wrong", (name, text, message) => {
    const folder = folderWith(name, text);
    expect(() => loadSkill(folder)).toThrow(`${path.join(folder, "SKILL.md")}: ${message}`);
  });

  test("refuses a folder without one", () => {
    expect(() => loadSkill(path.join(root, "nowhere"))).toThrow("cannot be read");
  });
});

describe("loadSkills", () => {
  test("reads the folders that have one, by name", () => {
    for (const name of ["b", "a"]) folderWith(`c/${name}`, `---\nname: ${name}\ndescription: d\n---\n`);
    mkdirSync(path.join(root, "c", "empty"));
    writeFileSync(path.join(root, "c", "file.md"), "");
    expect(loadSkills(path.join(root, "c")).map(({ name }) => name)).toEqual(["a", "b"]);
  });
});
