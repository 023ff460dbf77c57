/** onStopSignal: tells a program once that it shall end, also when npm runs it. */

/** npm passes on the SIGINT that the terminal's Ctrl-C has sent to its script as well: the same again, so soon, is the same key. */
const SAME_MS = 1_000;

/** Calls `onStop` with the first SIGINT or SIGTERM, and `onAgain` with each later one. */
export function onStopSignal(
  onStop: (name: NodeJS.Signals) => void,
  onAgain: (name: NodeJS.Signals) => void,
): Disposable {
  let first: { readonly name: NodeJS.Signals; readonly at: number } | undefined;
  const listener = (name: NodeJS.Signals) => {
    if (first?.name === name && performance.now() - first.at < SAME_MS) return;
    if (first) return onAgain(name);
    first = { name, at: performance.now() };
    onStop(name);
  };
  const names = ["SIGINT", "SIGTERM"] as const;
  for (const name of names) process.on(name, listener);
  return {
    [Symbol.dispose]: () => {
      for (const name of names) process.off(name, listener);
    },
  };
}
