import { EventEmitter } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { requestSignal } from "./request-signal.ts";

class FakeResponse extends EventEmitter {
  writableFinished = false;
  destroyed = false;
}

describe("requestSignal", () => {
  test("aborts when the connection closes before the response was sent", () => {
    const res = new FakeResponse();
    const signal = requestSignal({}, res);
    expect(signal.aborted).toBe(false);
    res.emit("close");
    expect(signal.reason).toMatchObject({ name: "AbortError", message: expect.stringContaining("went away") });
  });

  test("does not abort when the response was sent", () => {
    const res = new FakeResponse();
    const signal = requestSignal({}, res);
    res.writableFinished = true;
    res.emit("close");
    expect(signal.aborted).toBe(false);
  });

  test("is aborted at once when the client has left already", () => {
    expect(requestSignal({ aborted: true }, new FakeResponse()).aborted).toBe(true);
    const res = new FakeResponse();
    res.destroyed = true;
    expect(requestSignal({}, res).aborted).toBe(true);
  });

  test("is not aborted by a request whose body was read to its end", () => {
    expect(requestSignal({ destroyed: true }, new FakeResponse()).aborted).toBe(false);
  });
});
