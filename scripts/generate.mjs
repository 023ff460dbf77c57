// Generate the Prisma client from prisma/schema.prisma when the schema has changed since the last time; else do nothing.
//
// `prisma generate` needs no engine, but its CLI first insists on downloading one. Pointing it at any existing file
// skips the download; node itself is used so that a migrate command would fail loudly instead of "succeeding".
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const schema = path.join(root, "prisma/schema.prisma");
const stamp = path.join(root, "packages/runs/src/generated/.schema-sha256");

// Nothing to do in an install without the schema or without dev dependencies (a production image copies the client).
if (existsSync(schema)) {
  const require = createRequire(path.join(root, "package.json"));
  const version = require("prisma/package.json").version;
  const wanted = createHash("sha256").update(version).update(readFileSync(schema)).digest("hex");
  const have = existsSync(stamp) ? readFileSync(stamp, "utf8") : "";
  if (have !== wanted) {
    const result = spawnSync(process.execPath, [require.resolve("prisma/build/index.js"), "generate"], {
      cwd: root,
      encoding: "utf8",
      env: {
        PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
        ...process.env,
        CHECKPOINT_DISABLE: "1",
        PRISMA_HIDE_UPDATE_MESSAGE: "1",
      },
    });
    if (result.status !== 0) {
      process.stderr.write(result.stdout + result.stderr);
      process.stderr.write("prisma generate failed; run `npm install` and try again\n");
      process.exit(result.status ?? 1);
    }
    writeFileSync(stamp, wanted);
  }
}
