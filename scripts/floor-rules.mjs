// Floors as lint: turns test/architecture/floors.json into ESLint blocks, so that an editor says at once what
// test/architecture/layers.test.ts says in the suite (which also sees `import()` and `import type` expressions).
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const root = path.dirname(import.meta.dirname);

/** Everything with a package.json of its own. */
export const WORKSPACES = ["bus", ...listFolders("packages").map((name) => `packages/${name}`), "workers"];
const TESTS = ["**/*.test.ts", "**/*.test-d.ts"];

/** Into a package past its doors: by name (`@myelin/runs/src/…`), or by a path that climbs out of one's own. */
const DEEP = {
  regex: "^(?:(?:@myelin/[^/]+|myelin)/(?:src|dist|testing/.)|(?:\\.\\./)+(?:[^./]+/)+(?:src|testing)/)",
  message: "A package is imported by its name, through a door of its `exports`.",
};

/** One block for what stands on no floor (tests, bench, chaos, examples, scripts), and one per zone of floors.json. */
export function floorRules() {
  const floors = JSON.parse(readFileSync(path.join(root, "test/architecture/floors.json"), "utf8"));
  const zones = floors.map((floor) => floor.zone);
  return [
    { files: ["**/*.ts"], rules: { "no-restricted-imports": ["error", { patterns: [DEEP] }] } },
    ...floors.map((floor) => ({
      files: [toGlob(floor.zone)],
      ignores: [...zones.filter((zone) => isWithin(zone, floor.zone)).map(toGlob), ...TESTS],
      rules: {
        "no-restricted-imports": ["error", { patterns: restrictedNames(floor) }],
        "import-x/no-restricted-paths": restrictedPaths(closedZones(floor, zones)),
      },
    })),
  ];
}

/** What a zone may not import by name: everything that its row does not list. */
function restrictedNames(floor) {
  const allowed = floor.mayImport.filter((name) => !zoneLike(name)).map(toRegex);
  const open = ["\\.{1,2}/", ...allowed].join("|");
  return [
    DEEP,
    { regex: `^(?!(?:${open}))`, message: sentence(floor) },
    ...Object.entries(floor.notNames ?? {}).map(([name, importNames]) => ({
      regex: `^${escape(name)}$`,
      importNames,
      message: sentence(floor),
    })),
  ];
}

/** The other zones of its workspace that a zone may not import by path. */
function closedZones(floor, zones) {
  const open = (zone) => zone === floor.zone || floor.mayImport.includes(zone);
  return zones
    .filter((zone) => !open(zone) && workspaceOf(zone) === workspaceOf(floor.zone))
    .map((zone) => ({
      target: floor.zone,
      from: zone,
      except: zones.filter((child) => open(child) && isWithin(child, zone)).map((child) => path.relative(zone, child)),
      message: sentence(floor),
    }));
}

// The rule refuses an empty list.
const restrictedPaths = (zones) => (zones.length > 0 ? ["error", { basePath: root, zones }] : "off");
const sentence = (floor) => `${floor.zone}: ${floor.because} (test/architecture/floors.json).`;
const workspaceOf = (zone) => WORKSPACES.find((workspace) => isWithin(zone, workspace));
const isWithin = (inner, outer) => inner.startsWith(`${outer}/`);
const toGlob = (zone) => (zone.endsWith(".ts") ? zone : `${zone}/**`);
const zoneLike = (name) => WORKSPACES.some((workspace) => isWithin(name, workspace));
const escape = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");

// `node:*` and `@nats-io/*` are families; ours are exact, one door each; of others every subpath.
function toRegex(name) {
  if (name.endsWith("*")) return escape(name.slice(0, -1));
  return name === "myelin" || name.startsWith("@myelin/") ? `${escape(name)}$` : `${escape(name)}(?:/|$)`;
}

function listFolders(folder) {
  const entries = readdirSync(path.join(root, folder), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}
