/** Model params: settings of a request, in the words of the wire (`max_tokens`) or of our own (`maxTokens`), as a Model takes them. */
import type { JsonObject, ModelParams } from "@myelin/neuron";

/** Words that are not ours are passed on: the provider knows its vendor's, or refuses them. */
export const toModelParams = (params: JsonObject): ModelParams =>
  Object.fromEntries(Object.entries(params).map(([key, value]) => [toCamelCase(key), value]));

const toCamelCase = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
