/** Dollars as programs say them, and whole nano-dollars as everything that adds them up has them: sums of those are exact. */
const NANO = 1e9;

/** What is above zero is at least one. */
export const toNanoUsd = (usd: number): number =>
  usd > 0 ? Math.max(1, Math.round(usd * NANO)) : Math.round(usd * NANO);

/** Null, which is "not known", stays null. */
export function toUsd(nanoUsd: number): number;
export function toUsd(nanoUsd: number | null): number | null;
export function toUsd(nanoUsd: number | null): number | null {
  return nanoUsd === null ? null : nanoUsd / NANO;
}
