// Lints texts in the place of files, with the project's own configuration. A process of its own, because ESLint and the
// type checker do not live well inside Jest's module registry. Nothing is written: the files on disk stay as they are.
//
// stdin: [{ file, text, isTyped }]. Only where a rule asks the type checker (isTyped) is it started for the text; that takes
// most of the time. stdout: [[{ ruleId, message }]], in the same order.
import { readFileSync } from "node:fs";
import path from "node:path";
import { ESLint } from "eslint";
import tseslint from "typescript-eslint";

const cwd = path.resolve(import.meta.dirname, "../..");
const typed = new ESLint({ cwd });
const untyped = new ESLint({ cwd, overrideConfig: { files: ["**/*.ts"], ...tseslint.configs.disableTypeChecked } });
const found = [];
for (const { file, text, isTyped } of JSON.parse(readFileSync(0, "utf8"))) {
  const results = await (isTyped ? typed : untyped).lintText(text, { filePath: path.join(cwd, file) });
  found.push(results.flatMap((result) => result.messages.map(({ ruleId, message }) => ({ ruleId, message }))));
}
process.stdout.write(JSON.stringify(found));
