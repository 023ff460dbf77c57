import { describe, expect, test } from "@jest/globals";
import { parseDelivery } from "./nats-entry.ts";

describe("parseDelivery", () => {
  const expected = {
    deliveryCount: 2,
    seq: 1234,
    consumerSeq: 56,
    storedAtMs: 1795200933516,
    key: "1234.1795200933516881049",
  };

  test("reads the reply subject of a delivery", () => {
    expect(parseDelivery("$JS.ACK.MYELIN_a.task_echo_normal.2.1234.56.1795200933516881049.7")).toEqual(expected);
  });

  test("reads the newer form, with domain, account and a random end", () => {
    const tail = "MYELIN_a.task_echo_normal.2.1234.56.1795200933516881049.7";
    expect(parseDelivery(`$JS.ACK.hub.AHASH.${tail}`)).toEqual(expected);
    expect(parseDelivery(`$JS.ACK._.AHASH.${tail}.rAnDoM`)).toEqual(expected);
  });

  test.each(["", "_INBOX.abc", "$JS.ACK.", "$JS.ACK.MYELIN_a.b.1"])("%j is none", (reply) => {
    expect(parseDelivery(reply)).toBeNull();
  });
});
