/** DendriteObserver: a process' own work as events, for its metrics. What the namespace did is heard from Signals instead. */

/** Every method is optional, is called synchronously, and must not throw. */
export interface DendriteObserver {
  /** A TASK is about to be sent. */
  dispatched?(event: { neuron: string; delivery: "durable" | "transient" }): void;
  /** A `dispatchAndWait` settled. `outcome` is `output`, `paused`, `timeout`, `aborted`, or the error's code. */
  settled?(event: { neuron: string; delivery: "durable" | "transient"; outcome: string; ms: number }): void;
  /** A hosted neuron starts a task. */
  taskStarted?(event: { neuron: string; delivery: "durable" | "transient" }): void;
  /** It ended; `outcome` is the type of the reply, or `retried`, `abandoned`, `skipped`. */
  taskEnded?(event: { neuron: string; outcome: string; ms: number }): void;
  /** A message on the bus was no Signal. */
  badMessage?(event: { code: string }): void;
}

/** A snapshot of a process' own work. */
export interface DendriteStats {
  /** `dispatchAndWait` calls that wait. */
  readonly waiting: number;
  /** Tasks that hosted neurons run. */
  readonly running: number;
  /** How many times the log was asked for work since the start. */
  readonly pulls: number;
}
