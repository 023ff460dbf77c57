import { describe, expect, test } from "@jest/globals";
import { Progress } from "./progress.ts";

describe("Progress", () => {
  function make(isTTY: boolean): { progress: Progress; written: () => string } {
    let text = "";
    return {
      progress: new Progress({ isTTY, write: (chunk) => Boolean((text += String(chunk))) }),
      written: () => text,
    };
  }

  test("is a line each where nobody watches", () => {
    const { progress, written } = make(false);
    progress.say("one");
    progress.print("two");
    progress.clear();
    expect(written()).toBe("one\ntwo\n");
  });

  test("rewrites one line on a terminal, prints above it, and takes it away", () => {
    const { progress, written } = make(true);
    progress.say("one");
    progress.print("stays");
    progress.say("two");
    progress.clear();
    expect(written().replaceAll("\r\x1b[K", "<")).toBe("<⠋ one<stays\n<⠋ one<⠋ two<");
    progress.say("x".repeat(200));
    expect(written().split("\r\x1b[K").at(-1)!.length).toBeLessThan(80);
    progress[Symbol.dispose]();
    expect(written().endsWith("x\r\x1b[K")).toBe(true);
  });
});
