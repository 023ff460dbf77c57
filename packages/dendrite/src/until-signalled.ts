/** untilSignalled: wait for the operating system to ask this process to stop. */

/** `name` resolves with the first of `signals` that arrives. Dispose to stop listening, which restores the default action. */
export function untilSignalled(
  signals: readonly NodeJS.Signals[],
): Disposable & { readonly name: Promise<NodeJS.Signals> } {
  let listener: (name: NodeJS.Signals) => void = () => {};
  const name = new Promise<NodeJS.Signals>((resolve) => (listener = resolve));
  for (const one of signals) process.once(one, listener);
  return {
    name,
    [Symbol.dispose]: () => {
      for (const one of signals) process.off(one, listener);
    },
  };
}
