/** The child's side of a bench process: it serves requests of its parent, one at a time, and ends with it. */

export type Request = { readonly name: string; readonly argument: unknown };
export type Answer = { readonly result: unknown } | { readonly error: string };

/** Serve until the parent says `stop` or is gone. Ctrl-C reaches us too and is left to the parent, which stops in order. */
export function serveParent(handlers: Readonly<Record<string, (argument: never) => Promise<unknown>>>): void {
  process.on("SIGINT", () => {});
  process.on("disconnect", () => process.exit(1));
  // It was gone before we could hear of it.
  if (!process.connected) process.exit(1);
  process.on("message", (message) => {
    const { name, argument } = message as Request;
    const handler = handlers[name] ?? (() => Promise.reject(new Error(`no such request: ${name}`)));
    handler(argument as never).then(
      (result) => answer({ result }, name === "stop"),
      (error: unknown) => answer({ error: (error instanceof Error && error.stack) || String(error) }, name === "stop"),
    );
  });
}

function answer(message: Answer, isLast: boolean): void {
  process.send!(message, () => {
    if (isLast) process.exit(0);
  });
}
