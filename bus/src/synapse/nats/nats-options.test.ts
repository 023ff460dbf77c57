import { describe, expect, test } from "@jest/globals";
import { resolveNatsOptions, type NatsOptions } from "./nats-options.ts";

const failure = (url: string, options?: NatsOptions): Error => {
  try {
    resolveNatsOptions(url, options);
  } catch (error) {
    return error as Error;
  }
  throw new Error("it was accepted");
};

describe("resolveNatsOptions", () => {
  test("defaults", () => {
    expect(resolveNatsOptions("nats://host:4222")).toEqual({
      servers: ["host:4222"],
      url: "nats://host:4222",
      tls: null,
      name: "myelin",
      logMaxBytes: 10 * 1024 ** 3,
      logMaxBytesIsDefault: true,
      replicas: 1,
      keyMaxAgeMs: 8 * 24 * 60 * 60 * 1_000,
      objectMaxAgeMs: 8 * 24 * 60 * 60 * 1_000,
      maxPayloadBytes: 16 * 1024 ** 2,
      user: undefined,
      password: undefined,
      token: undefined,
      credsFile: undefined,
      nkeyFile: undefined,
      connectTimeoutMs: 5_000,
    });
  });

  test("undefined is the default, so that an unset environment variable can be passed on", () => {
    const unset: NatsOptions = {
      name: undefined,
      logMaxBytes: undefined,
      replicas: undefined,
      keyMaxAgeMs: undefined,
      objectMaxAgeMs: undefined,
      maxPayloadBytes: undefined,
      user: undefined,
      password: undefined,
      token: undefined,
      credsFile: undefined,
      nkeyFile: undefined,
      tls: undefined,
      connectTimeoutMs: undefined,
    };
    expect(resolveNatsOptions("nats://host", unset)).toEqual(resolveNatsOptions("nats://host"));
  });

  test.each([
    ["nats://a:1,b:2", { servers: ["a:1", "b:2"], url: "nats://a:1,b:2" }],
    ["nats://a:1, nats://b:2/", { servers: ["a:1", "b:2"], url: "nats://a:1,b:2" }],
    ["tls://a:1", { servers: ["a:1"], url: "tls://a:1", tls: {} }],
    ["nats://[::1]:4222", { servers: ["[::1]:4222"], url: "nats://[::1]:4222" }],
    ["nats://ada:s3cret@a:1,b:2", { servers: ["a:1", "b:2"], url: "nats://a:1,b:2", user: "ada", password: "s3cret" }],
    ["nats://ada:s%40%2F%2C@a", { url: "nats://a", user: "ada", password: "s@/," }],
    ["nats://t0ken@a", { url: "nats://a", token: "t0ken", user: undefined }],
  ])("reads %s", (url, expected) => {
    expect(resolveNatsOptions(url)).toMatchObject(expected);
  });

  test("options win over the URL", () => {
    expect(resolveNatsOptions("nats://ada:old@a", { user: "bob", password: "new" })).toMatchObject({
      user: "bob",
      password: "new",
      token: undefined,
    });
    expect(resolveNatsOptions("nats://old@a", { token: "new" })).toMatchObject({ token: "new", user: undefined });
    expect(resolveNatsOptions("nats://old@a", { user: "bob", password: "new" })).toMatchObject({
      user: "bob",
      token: undefined,
    });
    expect(resolveNatsOptions("nats://ada:old@a", { credsFile: "ada.creds" })).toMatchObject({
      credsFile: "ada.creds",
      user: undefined,
      password: undefined,
    });
    expect(resolveNatsOptions("nats://old@a", { nkeyFile: "ada.nk" })).toMatchObject({
      nkeyFile: "ada.nk",
      token: undefined,
    });
  });

  test("files for TLS make it TLS, whatever the URL says", () => {
    const tls = { caFile: "ca.pem", certFile: "me.pem", keyFile: "me.key" };
    expect(resolveNatsOptions("nats://a:1", { tls })).toMatchObject({ url: "tls://a:1", tls });
    expect(resolveNatsOptions("nats://a:1", { tls: {} })).toMatchObject({ url: "tls://a:1", tls: {} });
  });

  test.each<[NatsOptions, string]>([
    [{ logMaxBytes: 1000 }, "logMaxBytes must be a whole number from 1048576 to 9007199254740991, got 1000"],
    [
      { logMaxBytes: 1.5e9 + 0.5 },
      "logMaxBytes must be a whole number from 1048576 to 9007199254740991, got 1500000000.5",
    ],
    [{ replicas: 2 }, "replicas must be 1, 3 or 5, got 2"],
    [{ keyMaxAgeMs: 1_000 }, "keyMaxAgeMs must be a whole number from 2000 to 31622400000, got 1000"],
    [{ objectMaxAgeMs: 1_000 }, "objectMaxAgeMs must be a whole number from 60000 to 31622400000, got 1000"],
    [{ maxPayloadBytes: 1e9 }, "maxPayloadBytes must be a whole number from 1024 to 268435456, got 1000000000"],
    [{ connectTimeoutMs: 0 }, "connectTimeoutMs must be a whole number from 1 to 2147483647, got 0"],
    [{ connectTimeoutMs: "5000" as never }, 'connectTimeoutMs must be a whole number from 1 to 2147483647, got "5000"'],
    [{ name: "" }, 'name must be text that is not empty, got ""'],
    [{ password: "s3cret" }, "password needs a user: set user too"],
    [{ token: "t0ken", user: "ada" }, "user and token exclude each other: set one of them"],
    [{ credsFile: "a", nkeyFile: "b" }, "credsFile and nkeyFile exclude each other: set one of them"],
    [{ token: "t0ken", credsFile: "a" }, "token and credsFile exclude each other: set one of them"],
    [{ nkeyFile: "" }, 'nkeyFile must be text that is not empty, got ""'],
    [{ tls: { certFile: "a" } }, "tls.certFile and tls.keyFile belong together: set both, or neither"],
    [{ tls: { caFile: "" } }, 'tls.caFile must be text that is not empty, got ""'],
    [{ tls: true as never }, "tls must be an object with caFile, certFile and keyFile (or none of them), got true"],
    [{ token: 7 as never }, "token must be text that is not empty, got number"],
  ])("%j is INVALID_OPTION", (options, message) => {
    expect(failure("nats://host", options)).toMatchObject({ code: "INVALID_OPTION", message });
  });

  test.each(["nats://", "nats://a b", "nats://a:port", "nats://a,", "nats://ada:s3cret@", "nats://ada:s3,cret@a:x"])(
    "the URL %s is INVALID_OPTION, and shows no credential",
    (url) => {
      const error = failure(url);
      expect(error).toMatchObject({ code: "INVALID_OPTION" });
      expect(error.message).toMatch(/^url must be nats:\/\/host:port, got "nats:\/\//);
      expect(error.message).not.toMatch(/ada|s3|cret/);
    },
  );
});
