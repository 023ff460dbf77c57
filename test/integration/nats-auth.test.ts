/** Every way to say who we are, against a server that wants it; what is refused, in one line; and nothing secret in it. */
import { mkdtemp, rm, writeFile, chmod } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { BusError, connectSynapse, type ConnectOptions } from "@myelin/bus";
import { sampleTask } from "@myelin/bus/testing";
import type { DevServer } from "@myelin/dev";
import { nkeys } from "@nats-io/nats-core";
import { makeCa, type PemFiles } from "../helpers/certificates.ts";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { makeOperator } from "../helpers/nats-operator.ts";
import { startOwnNats, uniqueNamespace } from "../helpers/with-nats.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "myelin-nats-auth-"));
  await chmod(directory, 0o755); // the server may run as another user
});
afterAll(() => rm(directory, { recursive: true, force: true }));
expectNoLeaks();

const inDirectory = (name: string) => path.join(directory, name);
async function file(name: string, content: string): Promise<string> {
  await writeFile(inDirectory(name), content);
  return inDirectory(name);
}
const startNatsWith = async (config: string) => startOwnNats({ configFile: await file("nats.conf", config) });

/** A challenge of the server is signed in JavaScript, which takes a very busy machine several seconds. We wait for it, */
const PATIENCE_MS = 60_000;
/** and so does the server, which else hangs up after two. */
const PATIENT = `timeout: ${PATIENCE_MS / 1_000}`;

/** It connects, shows nothing of how, appends, and after a restart of the server it appends again. */
async function expectToWork(server: DevServer, url: string, options: ConnectOptions, shownUrl: string): Promise<void> {
  await using synapse = await connectSynapse(url, {
    logMaxBytes: 1024 ** 2,
    connectTimeoutMs: PATIENCE_MS,
    ...options,
  });
  expect(synapse.url).toBe(shownUrl);
  const bus = await synapse.open(uniqueNamespace());
  await bus.append(sampleTask());
  const back = new Promise<void>((resolve) => {
    synapse.onStatus(({ type }) => {
      if (type === "reconnected") resolve();
    });
  });
  await server.restart();
  await back;
  expect(await bus.append(sampleTask())).toEqual({ seq: 2, duplicate: false });
}

/** The error of a connection: typed, of one line, and without any of `secrets`, also where it is logged with its causes. */
async function refusal(url: string, options: ConnectOptions, ...secrets: string[]): Promise<BusError> {
  const error = await connectSynapse(url, { connectTimeoutMs: PATIENCE_MS, ...options }).then(
    async (synapse) => {
      await synapse.drain();
      throw new Error("it connected");
    },
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BusError);
  expect((error as BusError).message).not.toContain("\n");
  const shown = inspect(error, { depth: 8, showHidden: true });
  for (const secret of secrets) expect(shown).not.toContain(secret);
  return error as BusError;
}

describe("user and password", () => {
  test("in the URL, and in options; a wrong one, or none, is refused", async () => {
    await using server = await startNatsWith(`authorization { user: ada, password: "s3cr:t@", ${PATIENT} }`);
    const host = `127.0.0.1:${server.port}`;
    await expectToWork(server, `nats://${host}`, { user: "ada", password: "s3cr:t@" }, `nats://${host}`);
    await expectToWork(server, `nats://ada:${encodeURIComponent("s3cr:t@")}@${host}`, {}, `nats://${host}`);
    expect(await refusal(`nats://${host}`, { user: "ada", password: "wr0ng" }, "wr0ng", "ada")).toMatchObject({
      code: "SERVER_UNSUITABLE",
      message: `the NATS server at nats://${host} refused the credentials: check user and password`,
    });
    expect(await refusal(`nats://${host}`, {})).toMatchObject({
      code: "SERVER_UNSUITABLE",
      message: `the NATS server at nats://${host} wants credentials: set user and password, token, credsFile or nkeyFile`,
    });
  });
});

describe("a token", () => {
  test("in the URL, and in options; a wrong one is refused", async () => {
    await using server = await startNatsWith(`authorization { token: "t0ken", ${PATIENT} }`);
    const host = `127.0.0.1:${server.port}`;
    await expectToWork(server, `nats://${host}`, { token: "t0ken" }, `nats://${host}`);
    await expectToWork(server, `nats://t0ken@${host}`, {}, `nats://${host}`);
    expect(await refusal(`nats://${host}`, { token: "wr0ng" }, "wr0ng")).toMatchObject({
      code: "SERVER_UNSUITABLE",
      message: `the NATS server at nats://${host} refused the credentials: check token`,
    });
  });
});

describe("an NKey", () => {
  test("by the file of its seed; another one is refused, and a file that holds none", async () => {
    const user = nkeys.createUser();
    const seed = new TextDecoder().decode(user.getSeed());
    await using server = await startNatsWith(`authorization { users: [{ nkey: ${user.getPublicKey()} }], ${PATIENT} }`);
    const nkeyFile = await file("ada.nk", `# made by nk\n${seed}\n`);
    await expectToWork(server, server.url, { nkeyFile }, server.url);

    const otherSeed = new TextDecoder().decode(nkeys.createUser().getSeed());
    const other = await file("other.nk", otherSeed);
    expect(await refusal(server.url, { nkeyFile: other }, otherSeed)).toMatchObject({
      code: "SERVER_UNSUITABLE",
      message: `the NATS server at ${server.url} refused the credentials: check nkeyFile ${other} (does the server know its public key?)`,
    });
    const cut = await file("cut.nk", seed.slice(0, -1));
    expect(await refusal(server.url, { nkeyFile: cut }, seed.slice(0, -1))).toMatchObject({
      code: "INVALID_OPTION",
      message: `nkeyFile ${cut} holds no seed of an NKey (SU…)`,
    });
    expect(await refusal(server.url, { nkeyFile: inDirectory("none.nk") })).toMatchObject({
      code: "INVALID_OPTION",
      message: `nkeyFile ${inDirectory("none.nk")} cannot be read: there is no such file; fix the path`,
    });
  });
});

describe("a .creds file", () => {
  test("of an operator's account; one that has expired is refused, and a file that is none", async () => {
    const operator = makeOperator();
    const { creds, seed } = operator.makeUser("ada");
    await using server = await startNatsWith(`${operator.config}\nauthorization { ${PATIENT} }`);
    const credsFile = await file("ada.creds", creds);
    await expectToWork(server, server.url, { credsFile }, server.url);

    const past = operator.makeUser("past", Math.floor(Date.now() / 1_000) - 60);
    const expired = await file("past.creds", past.creds);
    expect(await refusal(server.url, { credsFile: expired }, past.seed, past.creds.slice(40, 80))).toMatchObject({
      code: "SERVER_UNSUITABLE",
      message: `the NATS server at ${server.url} refused the credentials: check credsFile ${expired} (has its JWT expired?)`,
    });
    const half = await file("half.creds", creds.slice(0, creds.indexOf("USER NKEY SEED") - 12));
    expect(await refusal(server.url, { credsFile: half }, seed)).toMatchObject({
      code: "INVALID_OPTION",
      message: `credsFile ${half} is not a .creds file (a JWT and a seed between dashed lines)`,
    });
    expect(await refusal(server.url, { credsFile: directory })).toMatchObject({
      code: "INVALID_OPTION",
      message: `credsFile ${directory} cannot be read: it is a folder; fix the path`,
    });
  });

  test("is read again at every dial, so it may be renewed in place", async () => {
    const [before, after] = [makeOperator(), makeOperator()];
    await using server = await startNatsWith(`${before.config}\nauthorization { ${PATIENT} }`);
    const credsFile = await file("renewed.creds", before.makeUser("ada").creds);
    await using synapse = await connectSynapse(server.url, {
      credsFile,
      logMaxBytes: 1024 ** 2,
      connectTimeoutMs: PATIENCE_MS,
    });
    const back = new Promise<void>((resolve) => {
      synapse.onStatus(({ type }) => {
        if (type === "reconnected") resolve();
      });
    });
    await file("renewed.creds", after.makeUser("ada").creds);
    await writeFile(path.join(server.dataDir, "nats-server.conf"), `${after.config}\nauthorization { ${PATIENT} }`);
    await server.restart();
    await back;
    const bus = await synapse.open(uniqueNamespace());
    expect(await bus.append(sampleTask())).toMatchObject({ seq: 1 });
  });
});

describe("TLS", () => {
  let ca: Awaited<ReturnType<typeof makeCa>>;
  let caFile: string;
  let server: PemFiles;
  let client: PemFiles;
  let stranger: PemFiles;
  beforeAll(async () => {
    ca = await makeCa(directory);
    caFile = ca.caFile;
    server = await ca.sign("server", "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth");
    client = await ca.sign("client", "extendedKeyUsage=clientAuth");
    stranger = await (await makeCa(directory, "other-ca")).sign("stranger", "extendedKeyUsage=clientAuth");
  });
  const localhost = async () => ca.sign("localhost", "subjectAltName=DNS:localhost");
  const cert = () => `cert_file: "${server.certFile}", key_file: "${server.keyFile}"`;

  test("a certificate of one's own CA is trusted by its file, and by nothing else", async () => {
    await using nats = await startNatsWith(`tls { ${cert()}, ${PATIENT} }`);
    const host = `127.0.0.1:${nats.port}`;
    await expectToWork(nats, `tls://${host}`, { tls: { caFile } }, `tls://${host}`);
    for (const [url, options] of [
      [`tls://${host}`, {}],
      [`nats://${host}`, {}],
      [`nats://${host}`, { tls: {} }],
      [`tls://${host}`, { tls: { caFile: inDirectory("other-ca.pem") } }],
    ] as const) {
      expect(await refusal(url, options)).toMatchObject({
        code: "SERVER_UNSUITABLE",
        message: expect.stringMatching(
          /^the certificate of the NATS server at \S+ is not trusted \([A-Z_]+\): set tls.caFile to the CA that signed it$/,
        ),
      });
    }
    // Only for the name it holds: an address is not the localhost that Node takes it for.
    const local = await localhost();
    await using other = await startNatsWith(
      `tls { cert_file: "${local.certFile}", key_file: "${local.keyFile}", ${PATIENT} }`,
    );
    await expectToWork(other, `tls://localhost:${other.port}`, { tls: { caFile } }, `tls://localhost:${other.port}`);
    expect((await refusal(`tls://127.0.0.1:${other.port}`, { tls: { caFile } })).message).toContain("for another host");
    expect(await refusal(`tls://${hostname()}:${nats.port}`, { tls: { caFile } })).toMatchObject({
      code: "SERVER_UNSUITABLE",
      message: `the certificate of the NATS server at tls://${hostname()}:${nats.port} is for another host: use a name that it holds in the URL`,
    });
  });

  test("credentials go over it, and none over a connection without it", async () => {
    await using nats = await startNatsWith(
      `tls { ${cert()}, ${PATIENT} }, authorization { user: ada, password: s3cret, ${PATIENT} }`,
    );
    const host = `127.0.0.1:${nats.port}`;
    await expectToWork(nats, `tls://ada:s3cret@${host}`, { tls: { caFile } }, `tls://${host}`);
    expect((await refusal(`tls://ada:wr0ng@${host}`, { tls: { caFile } }, "wr0ng")).message).toContain(
      "check user and password",
    );
    await using plain = await startOwnNats();
    expect(await refusal(`tls://ada:s3cret@127.0.0.1:${plain.port}`, {}, "s3cret")).toMatchObject({
      code: "SERVER_UNSUITABLE",
      message: `the NATS server at tls://127.0.0.1:${plain.port} has no TLS: connect to nats://, or add tls {} to its configuration`,
    });
  });

  test("a server that wants a certificate of ours (mTLS) gets it; without, or with a stranger's, it refuses", async () => {
    await using nats = await startNatsWith(`tls { ${cert()}, ca_file: "${caFile}", verify: true, ${PATIENT} }`);
    const url = `tls://127.0.0.1:${nats.port}`;
    await expectToWork(nats, url, { tls: { caFile, ...client } }, url);
    expect(await refusal(url, { tls: { caFile } })).toMatchObject({
      code: "SERVER_UNSUITABLE",
      message: `the NATS server at ${url} ended the TLS handshake (certificate required); it wants one of ours: set tls.certFile and tls.keyFile`,
    });
    const refused = await refusal(url, { tls: { caFile, ...stranger } });
    expect(refused.code).toBe("SERVER_UNSUITABLE");
    // Said by an alert, unless the server closes before it is read.
    expect(refused.message).toMatch(/does not accept tls\.certFile/);
  });

  test("a file that is missing, or is not what it should be, is refused before anything is dialled", async () => {
    const junk = await file("junk.pem", "no certificate");
    const missing = inDirectory("missing.pem");
    for (const [tls, message] of [
      [{ caFile: missing }, `tls.caFile ${missing} cannot be read: there is no such file; fix the path`],
      [{ caFile: junk }, `tls.caFile ${junk} is not a certificate in PEM`],
      [
        { certFile: missing, keyFile: client.keyFile },
        `tls.certFile ${missing} cannot be read: there is no such file; fix the path`,
      ],
      [{ certFile: junk, keyFile: client.keyFile }, `tls.certFile ${junk} is not a certificate in PEM`],
      [
        { certFile: client.certFile, keyFile: stranger.keyFile },
        `tls.keyFile ${stranger.keyFile} is not the private key, in PEM and without a passphrase, of tls.certFile`,
      ],
    ] as const) {
      expect(await refusal("tls://127.0.0.1:1", { tls })).toMatchObject({ code: "INVALID_OPTION", message });
    }
  });
});
