/**
 * Recovery: how long after a fault was over the last operation it touched was done. An operation is touched when it was
 * under way while the fault lasted and, where the fault had one victim, was that process's: the last to start it, or nobody
 * had yet. It counts from the last fault that touched it, because each may cost it a lease.
 */
import type { Fault } from "./faults.ts";
import type { NotedFact } from "./facts.ts";

interface Operation {
  askedAt: number;
  settledAt: number | null;
  readonly starts: { readonly at: number; readonly by: string }[];
}

/** In ms; 0 when no fault touched anything. An operation that never settled has not recovered and is not counted: it is lost. */
export function longestRecovery(facts: readonly NotedFact[], faults: readonly Fault[]): number {
  const touching = faults.filter((fault) => fault.touches === "operations");
  let longest = 0;
  for (const operation of toOperations(facts)) {
    const { settledAt } = operation;
    if (settledAt === null) continue;
    const touchedBy = touching.filter((fault) => isTouched(operation, fault));
    if (touchedBy.length === 0) continue;
    const lastEnd = Math.max(...touchedBy.map(({ endedAt }) => endedAt));
    longest = Math.max(longest, settledAt - lastEnd);
  }
  return longest;
}

function isTouched({ askedAt, settledAt, starts }: Operation, { victim, startedAt, endedAt }: Fault): boolean {
  if (askedAt > endedAt || settledAt! < startedAt) return false;
  if (victim === null) return true;
  const lastStart = starts.filter(({ at }) => at <= endedAt).at(-1);
  return lastStart === undefined || lastStart.by === victim;
}

function toOperations(facts: readonly NotedFact[]): Iterable<Operation> {
  const operations = new Map<string, Operation>();
  for (const fact of facts) {
    if (fact.fact === "asked") operations.set(fact.op, { askedAt: fact.at, settledAt: null, starts: [] });
  }
  const inTime = [...facts].sort((a, b) => a.at - b.at);
  for (const fact of inTime) {
    if (!("op" in fact) || fact.op === undefined) continue;
    const operation = operations.get(fact.op);
    if (fact.fact === "started") operation?.starts.push({ at: fact.at, by: fact.by });
    if ((fact.fact === "completed" || fact.fact === "failed") && operation) operation.settledAt = fact.at;
  }
  return operations.values();
}
