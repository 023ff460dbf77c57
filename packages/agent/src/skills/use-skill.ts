/** use_skill: the tool with which the model reads a skill. */
import type { Tool } from "@myelin/neuron";
import { z } from "zod";
import { tool } from "../tool.ts";
import type { Skill } from "./skill.ts";

export const USE_SKILL = "use_skill";

export const useSkill = (skills: readonly Skill[]): Tool =>
  tool({
    name: USE_SKILL,
    description: "Read a skill: how to do the task it is about. Use it before a task that one of the skills describes.",
    input: z.object({ name: z.string().describe("The name of the skill.") }),
    idempotent: true,
    run: ({ name }) => {
      const names = skills.map((skill) => skill.name).join(", ");
      return skills.find((skill) => skill.name === name)?.body ?? `Skill '${name}' not found. Available: ${names}`;
    },
  });
