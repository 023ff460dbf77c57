import { silentLogger } from "@myelin/bus";
import { describe, expect, test } from "@jest/globals";
import { Shutdown } from "./shutdown.ts";

function make(): { shutdown: Shutdown; exits: number[] } {
  const exits: number[] = [];
  return { shutdown: new Shutdown(silentLogger, (code) => exits.push(code)), exits };
}

describe("Shutdown", () => {
  test("closes what was deferred in reverse order, each after the one before it", async () => {
    const { shutdown } = make();
    const closed: string[] = [];
    shutdown.defer("first", () => closed.push("first"));
    shutdown.defer("second", async () => {
      await new Promise((resolve) => setImmediate(resolve));
      closed.push("second");
    });
    shutdown.defer("third", () => closed.push("third"));
    expect(await shutdown.close()).toBe(0);
    expect(closed).toEqual(["third", "second", "first"]);
  });

  test("one that fails does not keep the others open, and the code is 1", async () => {
    const { shutdown } = make();
    const closed: string[] = [];
    shutdown.defer("first", () => closed.push("first"));
    shutdown.defer("second", () => Promise.reject(new Error("no")));
    expect(await shutdown.close()).toBe(1);
    expect(closed).toEqual(["first"]);
  });

  test("a signal asks once, and the second one ends the process at once", async () => {
    const { shutdown, exits } = make();
    using _listening = shutdown.listen();
    process.emit("SIGTERM", "SIGTERM");
    await shutdown.asked();
    expect([shutdown.signal.aborted, exits]).toEqual([true, []]);
    process.emit("SIGINT", "SIGINT");
    expect(exits).toEqual([130]);
    expect(await shutdown.close()).toBe(0);
  });

  test("Ctrl-C under npm is one signal, though it comes twice", async () => {
    const { shutdown, exits } = make();
    using _listening = shutdown.listen();
    process.emit("SIGINT", "SIGINT");
    process.emit("SIGINT", "SIGINT");
    await shutdown.asked();
    expect(exits).toEqual([]);
  });

  test("fail ends in order with code 1", async () => {
    const { shutdown } = make();
    shutdown.fail(new Error("the log was rolled back"));
    await shutdown.asked();
    expect(await shutdown.close()).toBe(1);
  });

  test("hears no signal when it is disposed", () => {
    const { shutdown } = make();
    const before = process.listenerCount("SIGTERM");
    shutdown.listen()[Symbol.dispose]();
    expect(process.listenerCount("SIGTERM")).toBe(before);
  });
});
