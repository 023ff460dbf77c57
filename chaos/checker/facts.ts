/**
 * Facts: what each process saw with its own eyes, in a file outside of the system. The checker holds the log and the
 * tables against them. A file per process, a line per fact, appended with one write: kill -9 loses no line that was written.
 */

/** What happened. `run` is a run id, `op` the load's own name for an operation, `id` the id of a Signal. */
export type Fact =
  /** A caller began an operation. `keyed`: under an idempotency key, with this input. */
  | { readonly fact: "asked"; readonly op: string; readonly keyed?: Readonly<Record<string, unknown>> | undefined }
  /** The log acknowledged an append to this process. */
  | {
      readonly fact: "acknowledged";
      readonly seq: number;
      readonly duplicate: boolean;
      readonly id: string;
      readonly type: string;
      readonly run: string;
      /** For a TASK: which operation it is. */
      readonly op?: string | undefined;
    }
  /** An append rejected: nothing is known to be stored. */
  | { readonly fact: "refused"; readonly type: string; readonly run: string; readonly code: string }
  /** The neuron began, and ended, to work on a task. */
  | { readonly fact: "started"; readonly run: string; readonly op: string; readonly attempt: number }
  | { readonly fact: "ended"; readonly run: string; readonly op: string }
  /** The neuron is about to block the event loop of its process for so long. */
  | { readonly fact: "blocked"; readonly run: string; readonly op: string; readonly blockMs: number }
  /** The effect inside of a step happened; and the step resolved, so its result is acknowledged. */
  | { readonly fact: "effect"; readonly run: string; readonly step: string }
  | { readonly fact: "stepped"; readonly run: string; readonly step: string }
  /** A caller got a reply. `isRight`: it is the answer to its question. */
  | {
      readonly fact: "completed";
      readonly run: string;
      readonly op: string;
      readonly id: string;
      readonly type: string;
      readonly isRight: boolean;
    }
  /** A caller of a transient dispatch got its reply. None of that is in the log. */
  | { readonly fact: "transient"; readonly op: string; readonly isRight: boolean }
  /** A caller got an error that is no reply. */
  | { readonly fact: "failed"; readonly op: string; readonly code: string; readonly message: string };

/** A fact with who noted it, and when, in ms of the epoch. */
export type NotedFact = Fact & { readonly at: number; readonly by: string };
export type FactOf<K extends Fact["fact"]> = Extract<NotedFact, { fact: K }>;
