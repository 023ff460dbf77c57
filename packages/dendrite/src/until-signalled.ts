/** untilSignalled: wait for the operating system to ask this process to stop. */

/** npm passes on the SIGINT that the terminal's Ctrl-C has sent to its script as well: so soon, it is the same key. */
const SAME_MS = 1_000;

/**
 * `name` resolves with the first of `signals` that arrives. Dispose to stop listening, which restores the default action:
 * after a SIGINT not before a second has passed, so that one Ctrl-C does not end a process that stops in order.
 */
export function untilSignalled(
  signals: readonly NodeJS.Signals[],
): Disposable & { readonly name: Promise<NodeJS.Signals> } {
  let resolve: (name: NodeJS.Signals) => void = () => {};
  const name = new Promise<NodeJS.Signals>((settle) => (resolve = settle));
  const listener = (signal: NodeJS.Signals) => {
    if (signal === "SIGINT") ignoreRepeated();
    resolve(signal);
  };
  for (const one of signals) process.once(one, listener);
  return {
    name,
    [Symbol.dispose]: () => {
      for (const one of signals) process.off(one, listener);
    },
  };
}

function ignoreRepeated(): void {
  const ignore = () => {};
  process.on("SIGINT", ignore);
  setTimeout(() => process.off("SIGINT", ignore), SAME_MS).unref();
}
