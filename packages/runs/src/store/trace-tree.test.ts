import { expect, test } from "@jest/globals";
import { toTraceTree } from "./trace-tree.ts";
import type { StoredSignal, TraceNode } from "./views.ts";

const signal = (id: string, parentId: string | null = null) => ({ id, parentId }) as StoredSignal;
const shape = (nodes: readonly TraceNode[]): unknown =>
  nodes.map((node) => [node.signal.id, ...[shape(node.children)]]);

test("no Signals are no trees", () => {
  expect(toTraceTree([])).toEqual([]);
});

test("children hang under their parent in the order of the log", () => {
  const tree = toTraceTree([signal("a"), signal("b", "a"), signal("c", "a"), signal("d", "b")]);
  expect(shape(tree)).toEqual([
    [
      "a",
      [
        ["b", [["d", []]]],
        ["c", []],
      ],
    ],
  ]);
});

test("one whose parent is not there, comes later, or is itself, is a root", () => {
  expect(shape(toTraceTree([signal("a", "elsewhere"), signal("b", "c"), signal("c", "b"), signal("d", "d")]))).toEqual([
    ["a", []],
    ["b", [["c", []]]],
    ["d", []],
  ]);
});

test("of two Signals with one id the first one is the parent, and both are shown", () => {
  expect(shape(toTraceTree([signal("a"), signal("a"), signal("b", "a")]))).toEqual([
    ["a", [["b", []]]],
    ["a", []],
  ]);
});
