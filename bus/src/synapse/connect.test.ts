import { expect, test } from "@jest/globals";
import { connectSynapse, withoutCredentials } from "./connect.ts";

test.each(["", "host:4222", "http://ada:s3cret@host", "ada:s3cret@host", "Nats://ada:s3/c,r@et@host"])(
  "the URL %j is INVALID_OPTION, and shows no credential",
  async (url) => {
    const error = (await connectSynapse(url).catch((reason: unknown) => reason)) as Error;
    expect(error).toMatchObject({ code: "INVALID_OPTION" });
    expect(error.message).toMatch(/^a Synapse URL begins with nats:\/\/, tls:\/\/ or memory:\/\/, got "/);
    expect(error.message).not.toMatch(/ada|s3|cret/);
  },
);

test.each([
  ["nats://host:4222", "nats://host:4222"],
  ["nats://ada:s3cret@host:4222", "nats://host:4222"],
  ["nats://t0ken@host", "nats://host"],
])("%s is shown as %s", (url, shown) => {
  expect(withoutCredentials(url)).toBe(shown);
});

test("an environment variable that is not set is no URL, and the error says what one is", async () => {
  await expect(connectSynapse(undefined as never)).rejects.toMatchObject({
    code: "INVALID_OPTION",
    message: 'a Synapse URL is a text such as "nats://127.0.0.1:4222", got undefined',
  });
});
