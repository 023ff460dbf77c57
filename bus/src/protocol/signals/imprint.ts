import { z } from "zod";
import { defineSignal, jsonObject, optionalText } from "../define-signal.ts";

/**
 * IMPRINT: asks a memory to store something. Carried for Cosmonapse's Engrams.
 */
export const imprint = defineSignal({
  type: "IMPRINT",
  directed: "address",
  payload: z.looseObject({
    op: z.enum(["add", "append", "merge", "upsert", "delete"]),
    entry: jsonObject,
    merge_key: optionalText,
  }),
});
