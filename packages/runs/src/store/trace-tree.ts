/** The Signals of a trace as a tree: who caused what. */
import type { StoredSignal, TraceNode } from "./views.ts";

/**
 * Signals in the order of the log as trees, each under the one its `parentId` names. A Signal whose parent is not there (on
 * another trace, transient, not recorded) is a root; so is one whose parent comes after it, so there are no circles.
 */
export function toTraceTree(signals: readonly StoredSignal[]): TraceNode[] {
  interface Growing extends TraceNode {
    readonly children: Growing[];
  }
  const roots: Growing[] = [];
  const nodes = new Map<string, Growing>();
  for (const signal of signals) {
    const node: Growing = { signal, children: [] };
    const parent = signal.parentId === null ? undefined : nodes.get(signal.parentId);
    (parent?.children ?? roots).push(node);
    if (!nodes.has(signal.id)) nodes.set(signal.id, node); // appended twice: what follows hangs under the first
  }
  return roots;
}
