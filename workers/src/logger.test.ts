import { execFileSync } from "node:child_process";
import { describe, expect, test } from "@jest/globals";

/** What a process that runs `code` with a logger prints. */
function logged(code: string): string {
  const program = `import { createLogger } from "./logger.ts"; ${code}`;
  const args = ["--import", "tsx", "--conditions=source", "--input-type=module", "--eval", program];
  return execFileSync(process.execPath, args, { cwd: new URL(".", import.meta.url).pathname, encoding: "utf8" });
}

describe("createLogger", () => {
  test("writes JSON lines with name, fields and event, from its level up", () => {
    const lines = logged(`
      const logger = createLogger("gateway", { level: "info" });
      logger.debug({ a: 1 }, "hidden");
      logger.info({ traceId: "trc_1" }, "shown");
    `)
      .trim()
      .split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ name: "gateway", traceId: "trc_1", msg: "shown" }),
    ]);
  });

  test("hides secrets wherever they are: in fields, in messages, in errors of others", () => {
    const output = logged(`
      const secret = 'p"ss-word';
      const logger = createLogger("x", { level: "info", secrets: [secret, "abc"] });
      logger.info({ url: "nats://me:" + secret + "@host" }, "abc " + secret);
      logger.error({ err: new Error("login with " + secret, { cause: new Error(secret) }) }, "failed");
      logger.info({ token: "t0k3n", nested: { password: "t0k3n", deeper: { apiKey: "t0k3n" } } }, "keys");
    `);
    expect(output).toContain("[redacted]");
    expect(output).not.toMatch(/ss-word|t0k3n/);
    expect(output).toContain('"msg":"abc [redacted]"'); // too short to be a secret
    for (const line of output.trim().split("\n")) JSON.parse(line);
  });
});
