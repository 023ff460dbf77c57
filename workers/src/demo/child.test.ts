import { expect, test } from "@jest/globals";
import { expectNoLeaks } from "../../../test/helpers/leaks.ts";
import { startChild } from "./child.ts";

test.each(["SIGINT", "SIGTERM"])("stops well when %s of our terminal ended it as it was loading", async (signal) => {
  const child = startChild({ name: "agent", env: {}, onTrouble: () => {} });
  process.kill(child.pid, signal);
  await expect(child.died).resolves.toBe(`agent ended with ${signal}`);
  await expect(child.ready).rejects.toThrow(`agent ended with ${signal}`);
  await expect(child.stop()).resolves.toBeUndefined();
});

test("does not stop well when it was killed", async () => {
  const child = startChild({ name: "agent", env: {}, onTrouble: () => {} });
  process.kill(child.pid, "SIGKILL");
  await expect(child.stop()).rejects.toThrow("agent ended with SIGKILL");
});
expectNoLeaks();
