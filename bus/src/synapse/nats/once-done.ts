/** onceDone: something that is done on first use, by whoever comes first. What failed is tried again by the next. */
export function onceDone(work: () => Promise<void>): () => Promise<void> {
  let ready: Promise<void> | undefined;
  return () => {
    if (!ready) {
      ready = work();
      ready.catch(() => (ready = undefined));
    }
    return ready;
  };
}
