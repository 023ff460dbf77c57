/**
 * Steps: `ctx.step(name, fn)`.
 *
 * J2: once the result of a step is in the journal, `fn` never runs again in this run, however
 * often the task is started; its result, or its error when that was final, comes from the journal.
 *
 * J3: a step that must not be repeated is announced, and the announcement acknowledged, before its `fn` runs. One that was
 * announced and has no result may have happened: it is not run again, it raises `StepInDoubtError`.
 *
 * A neuron with steps must call them in the same order each time; a step's place and name are compared with the journal.
 */
import { NeuronFailure, StepError, StepInDoubtError, type Step, type StepOptions } from "@myelin/neuron";
import type { RunEventEntry } from "@myelin/bus/run-events";
import { toErrorPayload } from "../errors.ts";
import { JournalLostError, type Journal } from "./journal.ts";
import type { FailureView } from "./retry-policy.ts";

export interface StepsOptions {
  readonly runId: string;
  /** Null in a transient run: nothing is kept, and every step runs. */
  readonly journal: Journal | null;
  readonly signal: AbortSignal;
  /** Whether another start has the task by now. Asked before every effect: a process that was frozen has not heard of it yet. */
  readonly isLost: () => boolean;
  /** Whether a failure ends the run, so that the journal keeps it. */
  readonly isFinal: (failure: FailureView) => boolean;
}

const MAX_NAME_LENGTH = 200;

export class Steps {
  readonly #options: StepsOptions;
  readonly #names = new Set<string>();
  /** Keys of the steps whose `fn` runs now. */
  readonly #running = new Set<string>();
  #count = 0;

  constructor(options: StepsOptions) {
    this.#options = options;
  }

  /** The key of the step that runs. */
  get key(): string {
    const [key, another] = this.#running;
    if (key === undefined) throw new StepError("STEP_KEY_OUTSIDE", "ctx.stepKey is known only inside the fn of a step");
    if (another === undefined) return key;
    const message = `${this.#running.size} steps run at once; take the key that fn is given: ctx.step(name, ({ key }) => …)`;
    throw new StepError("STEP_KEY_OUTSIDE", message);
  }

  async run<T>(name: string, fn: (step: Step) => T | Promise<T>, { repeatable = true }: StepOptions = {}): Promise<T> {
    const { journal, signal, runId } = this.#options;
    const index = this.#claim(name);
    const key = `${runId}:${name}`;
    const before = journal ? await this.#before(journal, index, name) : [];
    for (const { event_type, data } of before) {
      if (event_type === "step.completed") return data["result"] as T;
      if (event_type === "step.failed") throw toFailure(data["error"] as FailureView);
    }
    if (before.length > 0) throw new StepInDoubtError(name, key);
    signal.throwIfAborted();
    if (this.#options.isLost()) throw new JournalLostError(`the lease of ${runId} is over`);
    const entry = { correlation_id: name, data: { index, name } };
    if (!repeatable) await journal?.append([{ ...entry, event_type: "step.started" }]);
    let result: unknown;
    this.#running.add(key);
    try {
      result = toJson(name, await fn(Object.freeze({ key, name })));
    } catch (thrown) {
      const error = toErrorPayload(thrown);
      // What an abort made of it says nothing about the step.
      if (!signal.aborted && this.#options.isFinal(error)) {
        await journal?.append([{ ...entry, event_type: "step.failed", data: { ...entry.data, error } }]);
      }
      throw thrown;
    } finally {
      this.#running.delete(key);
    }
    await journal?.append([
      { ...entry, event_type: "step.completed", data: { ...entry.data, ...(result !== undefined && { result }) } },
    ]);
    return result as T;
  }

  #claim(name: string): number {
    if (typeof name !== "string" || name === "" || name.length > MAX_NAME_LENGTH) {
      const got = JSON.stringify(name)?.slice(0, 80);
      throw new StepError("STEP_NAME_INVALID", `a step's name must be 1 to ${MAX_NAME_LENGTH} characters, got ${got}`);
    }
    if (this.#names.has(name)) {
      throw new StepError("STEP_NAME_TAKEN", `the run has a step "${name}" already; name each one, as in "${name}-2"`);
    }
    this.#names.add(name);
    return this.#count++;
  }

  /** What earlier starts have of this step, and, when they have nothing, what one that overtook this has by now. */
  async #before(journal: Journal, index: number, name: string): Promise<RunEventEntry[]> {
    const known = this.#recorded(await journal.read(), index, name);
    return known.length > 0 ? known : this.#recorded(await journal.catchUp(), index, name);
  }

  /** What the journal has of this step. Throws when it has another in its place, or this one in another. */
  #recorded(journal: readonly RunEventEntry[], index: number, name: string): RunEventEntry[] {
    const steps = journal.filter(({ event_type }) => event_type.startsWith("step."));
    const moved = steps.find(({ data }) => (data["index"] === index) !== (data["name"] === name));
    if (moved) {
      throw new StepError(
        "STEP_ORDER_CHANGED",
        `step ${index} is "${name}" now, but the journal of the run has "${String(moved.data["name"])}" as step ` +
          `${String(moved.data["index"])}: steps must come in the same order in every start of a run`,
      );
    }
    return steps.filter(({ data }) => data["index"] === index);
  }
}

const toFailure = ({ code, message, recoverable }: FailureView) => new NeuronFailure(code, message, { recoverable });

/** What the journal will give back, so that a first and a later start see the same. */
function toJson(name: string, value: unknown): unknown {
  if (value === undefined) return undefined;
  try {
    return JSON.parse(JSON.stringify(value)) as unknown;
  } catch (cause) {
    throw new StepError("STEP_RESULT_NOT_JSON", `the result of step "${name}" cannot be written as JSON`, { cause });
  }
}
