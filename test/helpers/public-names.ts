/**
 * Public names: whether what a document writes in backquotes is there for users, by TypeScript's checker: exports of the
 * packages' doors, members of exported types, options of their methods.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { ROOT } from "./source-files.ts";

/** The packages a user may import from, the umbrella first. */
const PACKAGES = [
  "packages/myelin",
  "bus",
  ...["neuron", "agent", "dendrite", "runs", "http"].map((name) => `packages/${name}`),
];
/** Their doors, by what is written in an import, each with its source. Without those for tests. */
const DOORS: ReadonlyMap<string, string> = new Map(PACKAGES.flatMap(doorsOf));

/** What documents call an object of a class. */
const INSTANCES: Readonly<Record<string, string>> = {
  dendrite: "Dendrite",
  store: "RunStore",
  admin: "RunAdmin",
  synapse: "Synapse",
  ctx: "NeuronContext",
};

/** Where a name is from: the package to import it from, or the types it is a member of. Or why it is no name of ours. */
export type Found = { readonly door: string } | { readonly memberOf: readonly string[] } | { readonly problem: string };

class NoSuchName extends Error {}

/** Made once per test file: the compiler reads every package from its sources, which takes some seconds. */
export class PublicNames {
  readonly #checker: ts.TypeChecker;
  readonly #exported = new Map<string, { readonly symbol: ts.Symbol; readonly door: string }>();

  constructor() {
    const config = ts.readConfigFile(path.join(ROOT, "tsconfig.json"), ts.sys.readFile).config as unknown;
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
    const program = ts.createProgram({ rootNames: [...DOORS.values()], options });
    this.#checker = program.getTypeChecker();
    for (const [door, source] of DOORS) {
      const module = this.#checker.getSymbolAtLocation(program.getSourceFile(source)!);
      for (const named of module ? this.#checker.getExportsOfModule(module) : []) {
        if (this.#exported.has(named.name)) continue;
        const symbol = named.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(named) : named;
        this.#exported.set(named.name, { symbol, door });
      }
    }
  }

  /**
   * Look up a name (`clarify`), a path (`dendrite.run`), a call with options (`store.getEvents(runId, { limit })`), or a
   * member with a value (`onPause: "wait"`). Arguments that are no options are not looked at. `of`: exported types whose
   * members, or words, may stand alone; they come before exports of the same name.
   */
  find(code: string, of: readonly string[]): Found {
    try {
      const types = of.map((name) => this.#declared(name));
      const valued = /^(\w+): (.+)$/.exec(code);
      if (valued) this.#requireWord(this.#membersOf(types, valued[1]!), valued[1]!, valued[2]!);
      else this.#typeOf(parseExpression(code), types);
      const first = valued?.[1] ?? /^\w+/.exec(code)![0];
      const root = this.#exported.get(INSTANCES[first] ?? first);
      return !root || this.#memberOrNull(types, first) ? { memberOf: of } : { door: root.door };
    } catch (error) {
      if (error instanceof NoSuchName) return { problem: error.message };
      throw error;
    }
  }

  /** The type of an expression, found name by name. Throws at the first that is not there. */
  #typeOf(node: ts.Expression, of: readonly ts.Type[]): ts.Type {
    if (ts.isIdentifier(node)) {
      const member = this.#memberOrNull(of, node.text);
      if (member) return member;
      if (Object.hasOwn(INSTANCES, node.text)) return this.#declared(INSTANCES[node.text]!);
      const symbol = this.#exported.get(node.text)?.symbol;
      return symbol ? this.#sides(symbol)[0]! : this.#member(of, node.text);
    }
    if (ts.isPropertyAccessExpression(node)) {
      const { expression: left, name } = node;
      // A class has two sides: `RunStore.fromDatabaseUrl` and `RunStore.listRuns` are both names.
      const symbol = ts.isIdentifier(left) ? this.#exported.get(left.text)?.symbol : undefined;
      return this.#member(symbol ? this.#sides(symbol) : [this.#typeOf(left, of)], name.text);
    }
    if (ts.isCallExpression(node)) {
      const callee = this.#checker.getNonNullableType(this.#typeOf(node.expression, of));
      const signatures = callee.getCallSignatures();
      if (signatures.length === 0) throw new NoSuchName(`${node.expression.getText()} is no function`);
      node.arguments.forEach((argument, at) => {
        if (!ts.isObjectLiteralExpression(argument)) return;
        const parameters = signatures.flatMap(({ parameters: all }) => all[at] ?? []);
        const takes = parameters.map((one) => this.#checker.getTypeOfSymbol(one));
        for (const property of argument.properties) this.#member(takes, property.name!.getText());
      });
      return signatures[0]!.getReturnType();
    }
    throw new NoSuchName("neither a name, nor a path, nor a call");
  }

  #member(types: readonly ts.Type[], name: string): ts.Type {
    const found = this.#memberOrNull(types, name);
    if (found) return found;
    if (types.length === 0) throw new NoSuchName(`nobody exports ${name}`);
    const where = types.map((type) => this.#checker.typeToString(type)).join(", ");
    throw new NoSuchName(`${name} is neither exported nor a member of ${where}`);
  }

  #memberOrNull(types: readonly ts.Type[], name: string): ts.Type | null {
    return this.#membersOf(types, name)[0] ?? null;
  }

  /** What the name is in each of the types that have it. */
  #membersOf(types: readonly ts.Type[], name: string): ts.Type[] {
    const parts = types.flatMap((type) => this.#partsOf(type));
    return parts.flatMap((type) => {
      const member = this.#checker.getPropertyOfType(this.#checker.getApparentType(type), name);
      if (member && isPublic(member)) return this.#checker.getTypeOfSymbol(member);
      // The words of a union (`"warn" | "pause"`), and the kinds of a tagged one, are names too.
      const kind = this.#checker.getPropertyOfType(type, "type");
      const words = [type, ...(kind ? this.#partsOf(this.#checker.getTypeOfSymbol(kind)) : [])];
      return words.find((one) => one.isStringLiteral() && one.value === name) ?? [];
    });
  }

  #requireWord(types: readonly ts.Type[], name: string, written: string): void {
    const words = types.flatMap((type) => this.#partsOf(type)).filter((one) => one.isStringLiteral());
    if (words.some(({ value }) => `"${value}"` === written)) return;
    const said = words.map(({ value }) => `"${value}"`).join(", ");
    throw new NoSuchName(`${name} takes ${said || "no words"}, not ${written}`);
  }

  /** The members of a union, without undefined and null; else the type itself. */
  #partsOf(type: ts.Type): readonly ts.Type[] {
    const present = this.#checker.getNonNullableType(type);
    return present.isUnion() ? present.types : [present];
  }

  /** Of a value its own type, and what it declares. */
  #sides(symbol: ts.Symbol): readonly ts.Type[] {
    const declared = symbol.flags & ts.SymbolFlags.Type ? [this.#checker.getDeclaredTypeOfSymbol(symbol)] : [];
    return symbol.flags & ts.SymbolFlags.Value ? [this.#checker.getTypeOfSymbol(symbol), ...declared] : declared;
  }

  #declared(name: string): ts.Type {
    const found = this.#exported.get(name);
    if (!found) throw new NoSuchName(`nobody exports ${name}`);
    return this.#checker.getDeclaredTypeOfSymbol(found.symbol);
  }
}

function isPublic(member: ts.Symbol): boolean {
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  return (member.declarations ?? []).every((one) => (ts.getCombinedModifierFlags(one) & hidden) === 0);
}

function parseExpression(code: string): ts.Expression {
  const { statements } = ts.createSourceFile("name.ts", code, ts.ScriptTarget.ESNext, true);
  const [statement] = statements;
  if (statements.length === 1 && ts.isExpressionStatement(statement!)) return statement.expression;
  throw new NoSuchName("neither a name, nor a path, nor a call");
}

function doorsOf(folder: string): [door: string, source: string][] {
  const { name, exports } = JSON.parse(readFileSync(path.join(ROOT, folder, "package.json"), "utf8")) as {
    readonly name: string;
    readonly exports: Readonly<Record<string, { readonly source: string }>>;
  };
  const doors = Object.entries(exports).filter(([door]) => !["./testing", "./conformance"].includes(door));
  return doors.map(([door, { source }]) => [path.posix.join(name, door), path.join(ROOT, folder, source)]);
}
