import { describe, expect, test } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { hostileFrames, type Hostility } from "./hostile-frames.ts";
import { Random } from "./random.ts";

const NICE: Hostility = { dropped: 0, doubled: 0, delayed: 0 };
const signal = (text: string) => `MSG myelin.chaos.log.TASK.work.normal.00._ 3 ${text.length}\r\n${text}\r\n`;
const ACK = '{"stream":"MYELIN_chaos", "seq":7}';

/** Push a text through, some bytes at a time. */
function push(text: string, hostility: Partial<Hostility>, chunk = 7) {
  const passed: string[] = [];
  const meddle = hostileFrames(new Random(1), { ...NICE, ...hostility })();
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunk) {
    meddle(bytes.subarray(at, at + chunk), (out) => void passed.push(out.toString()));
  }
  return passed;
}

describe("hostile frames", () => {
  const control = 'INFO {"version":"2"}\r\n+OK\r\nPING\r\n';
  const question = "HMSG _INBOX.1 1 12 14\r\nNATS/1.0\r\n\r\n{}\r\n";

  test("a stream of frames is cut where each begins, however its bytes come", () => {
    const text = control + signal("MSG a 1 2\r\nPING") + question + signal("");
    for (const chunk of [1, 7, 1_000]) expect(push(text, {}, chunk).join("")).toBe(text);
    expect(push(text, {}, 1_000)).toHaveLength(6);
  });

  test("Signals and acknowledgements are dropped or doubled; nothing else is", () => {
    const ack = `MSG _INBOX.x.1 9 ${ACK.length}\r\n${ACK}\r\n`;
    expect(push(control + signal("a") + ack + question, { dropped: 1_000 }).join("")).toBe(control + question);
    expect(push(signal("a") + ack, { doubled: 1_000 }).join("")).toBe(signal("a").repeat(2) + ack.repeat(2));
  });

  test("what is delayed is overtaken, and comes all the same", async () => {
    const signals = ["a", "b", "c", "d", "e", "f"].map(signal);
    const passed = push(question + signals.join(""), { delayed: 1_000 }, 1_000);
    expect(passed[0]).toBe(question);
    expect(passed.length).toBeLessThan(1 + signals.length);
    await sleep(100);
    expect(passed.sort()).toEqual([question, ...signals].sort());
  });
});
