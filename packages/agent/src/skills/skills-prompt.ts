/** Skills prompt: what the system prompt says of skills: their names in a loop, which can ask for them; all of them where it cannot. */
import type { Skill } from "./skill.ts";

/** `skills` are sorted by name, so that the prompt is the same to the byte. */
export function promptWithSkills(prompt: string, skills: readonly Skill[], strategy: "react" | "single_call"): string {
  if (skills.length === 0) return prompt;
  if (strategy === "single_call") {
    return [prompt, "## Skills", ...skills.map(({ name, body }) => `### Skill: ${name}\n\n${body}`)].join("\n\n");
  }
  const list = skills.map(({ name, description }) => `- ${name}: ${description}`).join("\n");
  return `${prompt}\n\n## Available Skills\n\n${list}`;
}
