import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { Consumption, Lane } from "@myelin/bus";
import { Lanes } from "./lanes.ts";

/** A neuron's lanes on a server, and what was asked of them, as `high 3` (a poll) and `normal +3` (a request). */
function server({ slots = 3, roomBeside = (_asked: number) => Infinity } = {}) {
  const stored: Record<Lane, number> = { high: 0, normal: 0, low: 0 };
  const asked: string[] = [];
  let standing = 0;
  let running = 0;
  const deliver = (lane: Lane) => {
    stored[lane]--;
    running++;
    lanes.delivered(lane);
  };
  const serveStanding = () => {
    for (; standing > 0 && stored.normal > 0; standing--) deliver("normal");
  };
  const consumption = (lane: Lane): Consumption => ({
    pulls: 0,
    request(n) {
      asked.push(`${lane} ${n > 0 ? "+" : ""}${n}`);
      standing += n;
    },
    async poll(n) {
      asked.push(`${lane} ${n}`);
      await Promise.resolve();
      const came = Math.min(n, stored[lane]);
      for (let left = came; left > 0; left--) deliver(lane);
      return came;
    },
    drain: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  const consumptions = { high: consumption("high"), normal: consumption("normal"), low: consumption("low") };
  const lanes = new Lanes({ consumptions, slots, roomBeside });
  return {
    lanes,
    stored,
    /** What was asked since the last time, once nothing more follows. */
    async asked() {
      await settled();
      serveStanding();
      await settled();
      return asked.splice(0).join(", ");
    },
    get running() {
      return running;
    },
    end(count = 1) {
      for (; count > 0; count--) {
        running--;
        lanes.freed();
      }
    },
  };
}

const settled = async () => {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
};

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe("Lanes", () => {
  test("at the start every lane is looked at, and then the normal one is asked for all slots", async () => {
    const { lanes, asked } = server();
    expect(await asked()).toBe("high 3, normal 3, low 3, normal +3");
    lanes.stop();
  });

  test("a slot that is freed costs one request and no poll", async () => {
    const one = server();
    await one.asked();
    one.stored.normal = 5;
    await one.asked();
    expect(one.running).toBe(3);
    one.end();
    expect(await one.asked()).toBe("normal +1");
    one.lanes.stop();
  });

  test("a hint takes the room back, polls, and asks for what is left", async () => {
    const one = server();
    await one.asked();
    one.stored.high = 2;
    one.lanes.hinted("high");
    expect(await one.asked()).toBe("normal -3, high 3, normal +1");
    expect(one.running).toBe(2);
    one.lanes.stop();
  });

  test("a hint while no slot is open waits for one, and then goes first", async () => {
    const one = server();
    await one.asked();
    one.stored.normal = 5;
    await one.asked();
    one.stored.high = 1;
    one.lanes.hinted("high");
    expect(await one.asked()).toBe("");
    one.end();
    expect(await one.asked()).toBe("high 1");
    // It may have more; it has not.
    one.end();
    expect(await one.asked()).toBe("high 1, normal +1");
    one.lanes.stop();
  });

  test("low is polled when the normal lane gave nothing", async () => {
    const one = server({ slots: 1 });
    await one.asked();
    one.stored.normal = 1;
    await one.asked();
    one.stored.normal = 1;
    one.stored.low = 1;
    one.lanes.hinted("low");
    one.end();
    expect(await one.asked()).toBe("normal 1");
    one.end();
    expect(await one.asked()).toBe("normal 1, low 1");
    one.lanes.stop();
  });

  test("what it did not hear of is looked for every five seconds", async () => {
    const one = server();
    await one.asked();
    one.stored.low = 1;
    jest.advanceTimersByTime(5_000);
    expect(await one.asked()).toBe("normal -3, high 3, low 3, normal +2");
    one.lanes.stop();
    jest.advanceTimersByTime(20_000);
    expect(await one.asked()).toBe("");
  });

  test("what it heard of and did not find is looked for again, once", async () => {
    const one = server();
    await one.asked();
    one.lanes.hinted("high");
    expect(await one.asked()).toBe("normal -3, high 3, normal +3");
    one.stored.high = 1;
    jest.advanceTimersByTime(40);
    expect(await one.asked()).toBe("normal -3, high 3, normal +2");
    jest.advanceTimersByTime(1_000);
    expect(await one.asked()).toBe("");
    one.lanes.stop();
  });

  test("a normal task that comes after its room was taken back counts: one less is asked for", async () => {
    const one = server({ slots: 2 });
    await one.asked();
    one.stored.high = 2;
    one.lanes.hinted("high");
    await one.asked();
    expect(one.running).toBe(2);
    one.lanes.delivered("normal");
    one.end();
    expect(await one.asked()).toBe("");
    one.end();
    expect(await one.asked()).toBe("high 1, normal +1");
    one.lanes.stop();
  });

  test("a slot that is held for a task that waited elsewhere is taken back from the request", async () => {
    const one = server();
    await one.asked();
    one.lanes.held();
    expect(await one.asked()).toBe("normal -1");
    one.lanes.freed();
    expect(await one.asked()).toBe("normal +1");
    one.lanes.stop();
  });

  test("never asks for more than there is room for beside", async () => {
    let room = 1;
    const one = server({ roomBeside: (asked) => room - asked });
    expect(await one.asked()).toBe("high 1, normal 1, low 1, normal +1");
    one.lanes.askAgain();
    expect(await one.asked()).toBe("");
    room = 3;
    one.lanes.askAgain();
    expect(await one.asked()).toBe("normal +2");
    one.lanes.stop();
  });
});
