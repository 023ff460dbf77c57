import { expect, test } from "@jest/globals";
import { onStopSignal } from "./stop-signal.ts";

test("a Ctrl-C that npm passes on once more is one; another signal is another", () => {
  const told: string[] = [];
  const listening = onStopSignal(
    (name) => told.push(`stop ${name}`),
    (name) => told.push(`again ${name}`),
  );
  for (const name of ["SIGINT", "SIGINT", "SIGTERM"] as const) process.emit(name, name);
  listening[Symbol.dispose]();
  expect(told).toEqual(["stop SIGINT", "again SIGTERM"]);
  expect([process.listenerCount("SIGINT"), process.listenerCount("SIGTERM")]).toEqual([0, 0]);
});
