/** Which rows of a run: pages of its calls and messages, by offset. A run has hundreds of them, not millions. */
import { checkKeys, checkWholeNumber } from "./check-arguments.ts";

export interface RowsOptions {
  /** 1 to 1_000. Default: all of them. */
  limit?: number | undefined;
  /** Rows to skip. Default 0. */
  offset?: number | undefined;
}

export interface CallsOptions extends RowsOptions {
  /** Only of this iteration. */
  iteration?: number | undefined;
}

/** `LIMIT … OFFSET …`. Throws `INVALID_FILTER`. */
export function toPage(options: RowsOptions, alsoKnown: readonly string[] = []): string {
  checkKeys("the options", options, ["limit", "offset", ...alsoKnown]);
  const limit = options.limit === undefined ? "ALL" : checkWholeNumber("limit", options.limit, 1, 1_000);
  return `LIMIT ${limit} OFFSET ${checkWholeNumber("offset", options.offset ?? 0, 0)}`;
}

/** The same, and the iteration as a condition on `column`. */
export function toCallsPage(options: CallsOptions, column: string): { ofIteration: string; page: string } {
  const page = toPage(options, ["iteration"]);
  const { iteration } = options;
  if (iteration === undefined) return { ofIteration: "true", page };
  return { ofIteration: `${column} = ${checkWholeNumber("iteration", iteration, 0, 2_147_483_647)}`, page };
}
