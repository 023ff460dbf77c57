/** The variables for the bus, from the environment to a real server; nats-auth.test.ts has every way and every refusal. */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { makeCa } from "../../test/helpers/certificates.ts";
import { expectNoLeaks } from "../../test/helpers/leaks.ts";
import { makeOperator } from "../../test/helpers/nats-operator.ts";
import { startOwnNats } from "../../test/helpers/with-nats.ts";
import { connectFromEnv, SYNAPSE_VARIABLES } from "./connect.ts";
import { readEnv, secretsOf } from "./env.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "myelin-connect-"));
  await chmod(directory, 0o755); // the server may run as another user
});
afterAll(() => rm(directory, { recursive: true, force: true }));
expectNoLeaks();

const connect = (environment: Record<string, string>) =>
  connectFromEnv(readEnv(SYNAPSE_VARIABLES, environment), "myelin-test");
async function file(name: string, content: string): Promise<string> {
  await writeFile(path.join(directory, name), content);
  return path.join(directory, name);
}

describe("connectFromEnv", () => {
  test("SYNAPSE_USER and SYNAPSE_PASSWORD, over TLS with SYNAPSE_CA, SYNAPSE_CERT and SYNAPSE_KEY", async () => {
    const ca = await makeCa(directory);
    const server = await ca.sign("server", "subjectAltName=IP:127.0.0.1");
    const client = await ca.sign("client", "extendedKeyUsage=clientAuth");
    const config =
      `tls { cert_file: "${server.certFile}", key_file: "${server.keyFile}", ca_file: "${ca.caFile}", verify: true }\n` +
      "authorization { user: ada, password: s3cret }";
    await using nats = await startOwnNats({ configFile: await file("tls.conf", config) });
    const environment = {
      SYNAPSE_URL: nats.url,
      SYNAPSE_USER: "ada",
      SYNAPSE_PASSWORD: "s3cret",
      SYNAPSE_CA: ca.caFile,
      SYNAPSE_CERT: client.certFile,
      SYNAPSE_KEY: client.keyFile,
    };
    await using synapse = await connect(environment);
    expect(synapse.url).toBe(nats.url.replace("nats:", "tls:"));
    expect(secretsOf(readEnv(SYNAPSE_VARIABLES, environment))).toEqual(["s3cret"]);

    await expect(connect({ ...environment, SYNAPSE_PASSWORD: "wr0ng" })).rejects.toMatchObject({
      code: "SERVER_UNSUITABLE",
      message: `the NATS server at ${synapse.url} refused the credentials: check SYNAPSE_USER and SYNAPSE_PASSWORD`,
    });
    await expect(connect({ ...environment, SYNAPSE_CERT: "", SYNAPSE_KEY: "" })).rejects.toMatchObject({
      message: expect.stringContaining("it wants one of ours: set SYNAPSE_CERT and SYNAPSE_KEY"),
    });
  });

  test("SYNAPSE_TOKEN and SYNAPSE_CREDS", async () => {
    await using withToken = await startOwnNats({ configFile: await file("a.conf", "authorization { token: t0ken }") });
    await using _token = await connect({ SYNAPSE_URL: withToken.url, SYNAPSE_TOKEN: "t0ken" });
    await expect(connect({ SYNAPSE_URL: withToken.url })).rejects.toMatchObject({
      message: `the NATS server at ${withToken.url} wants credentials: set SYNAPSE_USER and SYNAPSE_PASSWORD, SYNAPSE_TOKEN, SYNAPSE_CREDS or SYNAPSE_NKEY`,
    });
    const operator = makeOperator();
    await using withJwt = await startOwnNats({ configFile: await file("b.conf", operator.config) });
    const creds = await file("ada.creds", operator.makeUser("ada").creds);
    await using _creds = await connect({ SYNAPSE_URL: withJwt.url, SYNAPSE_CREDS: creds });
  });

  test.each([
    [{ SYNAPSE_CREDS: "/none/token" }, "SYNAPSE_CREDS /none/token cannot be read: there is no such file; fix the path"],
    [{ SYNAPSE_NKEY: "/none" }, "SYNAPSE_NKEY /none cannot be read: there is no such file; fix the path"],
    [{ SYNAPSE_CA: "/none" }, "SYNAPSE_CA /none cannot be read: there is no such file; fix the path"],
    [{ SYNAPSE_CERT: "/none" }, "SYNAPSE_CERT and SYNAPSE_KEY belong together: set both, or neither"],
    [{ SYNAPSE_PASSWORD: "s3cret" }, "SYNAPSE_PASSWORD needs a SYNAPSE_USER: set SYNAPSE_USER too"],
    [
      { SYNAPSE_TOKEN: "t0ken", SYNAPSE_NKEY: "/none" },
      "SYNAPSE_TOKEN and SYNAPSE_NKEY exclude each other: set one of them",
    ],
  ])("%j is refused in its own words", async (environment, message) => {
    await expect(connect({ SYNAPSE_URL: "nats://token:1", ...environment })).rejects.toMatchObject({
      code: "INVALID_OPTION",
      message,
    });
  });
});
