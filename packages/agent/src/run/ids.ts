/** Ids that an agent makes: a prefix that says what they name, and 128 random bits. */
import { randomUUID } from "node:crypto";

export const newId = (prefix: "call" | "llm" | "pause"): string => `${prefix}_${randomUUID().replaceAll("-", "")}`;
