import { chmod, mkdir, mkdtemp, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { findPostgres } from "./find-postgres.ts";
import { isRoot } from "./owner.ts";
import { expectNoLeaks } from "../../../test/helpers/leaks.ts";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "find-postgres-"));
  await chmod(directory, 0o755); // for the unprivileged user, when these tests run as root
});
afterAll(() => rm(directory, { recursive: true, force: true }));
expectNoLeaks();

/** What npm leaves when it runs no install scripts: programs, and a list of links that are missing. */
async function fakePackage(name: string): Promise<string> {
  const root = path.join(directory, name);
  await mkdir(path.join(root, "native/bin"), { recursive: true });
  await mkdir(path.join(root, "native/lib"));
  await writeFile(path.join(root, "package.json"), JSON.stringify({ version: `0.0.0-${path.basename(directory)}` }));
  const links = [{ source: "native/lib/libicuuc.so.60.2", target: "native/lib/libicuuc.so.60" }];
  await writeFile(path.join(root, "native/pg-symlinks.json"), JSON.stringify(links));
  for (const program of ["initdb", "postgres"]) {
    const file = path.join(root, "native/bin", program);
    await writeFile(file, `#!/bin/sh\necho "${program} (PostgreSQL) 18.4"\n`);
    await chmod(file, 0o755);
  }
  return root;
}

test("makes the links that npm's install script would have made", async () => {
  const packageDirectory = await fakePackage("package");
  const found = await findPostgres({ packageDirectory });
  expect(found).toEqual({
    initdb: path.join(packageDirectory, "native/bin/initdb"),
    postgres: path.join(packageDirectory, "native/bin/postgres"),
    version: "18.4",
    source: "npm",
  });
  expect(await readlink(path.join(packageDirectory, "native/lib/libicuuc.so.60"))).toBe("libicuuc.so.60.2");
  expect(await findPostgres({ packageDirectory })).toEqual(found);
});

(isRoot() ? test : test.skip)("copies a package that the unprivileged user cannot reach, links and all", async () => {
  const packageDirectory = await fakePackage("hidden");
  await chmod(packageDirectory, 0o700);
  const found = await findPostgres({ packageDirectory });
  expect(found).toMatchObject({ version: "18.4", source: "npm" });
  const staged = path.dirname(path.dirname(path.dirname(found.postgres)));
  expect(staged).toMatch(/dev-server-bin-0/);
  expect(await readlink(path.join(staged, "native/lib/libicuuc.so.60"))).toBe("libicuuc.so.60.2");
  await rm(staged, { recursive: true });
});

test("takes a given directory and no other", async () => {
  const binDir = path.join(await fakePackage("given"), "native/bin");
  expect(await findPostgres({ binDir })).toMatchObject({ version: "18.4", source: "option" });
  await expect(findPostgres({ binDir: directory })).rejects.toMatchObject({
    code: "not-found",
    message: expect.stringContaining(directory),
  });
});
