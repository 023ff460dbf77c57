/**
 * Skill: know-how in a folder with a SKILL.md (https://agentskills.io/specification): YAML between `---` lines, then
 * Markdown. The model is told name and description, and asks for the rest. Other files of the folder are not used.
 */
import { readdirSync, readFileSync, existsSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { AgentDefinitionError } from "../errors.ts";

export interface Skill {
  readonly name: string;
  readonly description: string;
  /** Markdown. */
  readonly body: string;
}

const FILE = "SKILL.md";
const FRONT = /^---\r?\n([\s\S]*?)\r?\n---(?:\r?\n|$)([\s\S]*)$/;

const frontMatter = z.looseObject({
  name: z
    .string()
    .max(64)
    .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, "must be of a-z 0-9 -, and begin and end with a letter or digit")
    .refine((name) => !name.includes("--"), 'may not hold "--"'),
  description: z.string().min(1).max(1024),
  metadata: z.record(z.string(), z.unknown()).optional(),
  license: z.string().optional(),
  compatibility: z.string().optional(),
});

/** Read the skill in a folder of its name. Throws `AgentDefinitionError` with the file and what is wrong with it. */
export function loadSkill(folder: string): Skill {
  const file = path.join(folder, FILE);
  const refuse = (problem: string, cause?: unknown): never => {
    throw new AgentDefinitionError(`${file}: ${problem}`, { cause });
  };
  const found = FRONT.exec(read(file, refuse));
  if (!found) return refuse("must begin with YAML between two lines of ---");
  const parsed = frontMatter.safeParse(parseYaml(found[1]!, refuse));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return refuse(`${issue!.path.join(".") || "its YAML"}: ${issue!.message}`);
  }
  const { name, description } = parsed.data;
  const folderName = path.basename(path.resolve(folder));
  if (name !== folderName) return refuse(`its name is "${name}", but its folder is "${folderName}"`);
  return { name, description, body: found[2]!.trim() };
}

/** Read the skills in the folders of a folder, by name. Folders without a SKILL.md are passed over. */
export function loadSkills(folder: string): readonly Skill[] {
  const refuse = (problem: string, cause: unknown): never => {
    throw new AgentDefinitionError(`${folder}: ${problem}`, { cause });
  };
  return listFolders(folder, refuse)
    .sort()
    .map((name) => path.join(folder, name))
    .filter((one) => existsSync(path.join(one, FILE)))
    .map(loadSkill);
}

type Refuse = (problem: string, cause: unknown) => never;

function listFolders(folder: string, refuse: Refuse): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (cause) {
    return refuse("cannot be read", cause);
  }
}

function read(file: string, refuse: Refuse): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    return refuse("cannot be read", cause);
  }
}

function parseYaml(text: string, refuse: Refuse): unknown {
  try {
    return parse(text);
  } catch (cause) {
    return refuse(`its YAML cannot be read: ${(cause as Error).message.split("\n")[0]}`, cause);
  }
}
