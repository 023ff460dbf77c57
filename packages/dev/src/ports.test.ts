import { createServer } from "node:net";
import { expect, test } from "@jest/globals";
import { freePort, portIsFree } from "./ports.ts";

test("freePort gives a port that can be listened on, below the kernel's own range", async () => {
  const port = await freePort();
  expect(port).toBeGreaterThanOrEqual(15_000);
  expect(port).toBeLessThan(32_000);
  expect(await portIsFree(port)).toBe(true);
});

test("portIsFree says no while somebody listens", async () => {
  const port = await freePort();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  expect(await portIsFree(port)).toBe(false);
  await new Promise((resolve) => server.close(resolve));
  expect(await portIsFree(port)).toBe(true);
});
