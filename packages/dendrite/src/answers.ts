/**
 * Answers: what a person said to a paused run wakes it. The original input, read from the log, goes out again together
 * with the answer, on the same trace and run, to the same waiter.
 *
 * One answer counts. Before sending, the log is asked whether the question is still the run's last word and whether a
 * TASK that answers it is there (the records, when the question is past the log); two that race past that carry one dedup
 * id, and the log stores one of them.
 */
import {
  answerDedupId,
  createSignal,
  parseNeuronId,
  repliesOf,
  signalOf,
  wakesOf,
  type Bus,
  type PauseType,
  type PayloadOf,
  type Signal,
  type SignalOf,
} from "@myelin/bus";
import type { JsonObject } from "@myelin/neuron";
import { AlreadyAnsweredError, DendriteError, RecordsUnavailableError } from "./errors.ts";
import type { Records } from "./records.ts";
import { isJsonObject, parseMs } from "./validate.ts";

interface AnswerOptions {
  /** Who answered, for the record. */
  readonly by?: string | undefined;
  /** The neuron to wake. Default the one that asked; for an escalation its target. */
  readonly neuron?: string | undefined;
  /** How long the woken task has. Default 3_600_000 (1 h). */
  readonly timeoutMs?: number | undefined;
  /** The original input, needed only when the task was transient: the log does not have it then. */
  readonly input?: JsonObject | undefined;
}
export interface ClarificationAnswer extends AnswerOptions {
  readonly answer: unknown;
  /** More keys for `input.clarification`. */
  readonly extra?: JsonObject | undefined;
}
export interface PermissionAnswer extends AnswerOptions {
  readonly granted: boolean;
  readonly reason?: string | undefined;
}
export interface EscalationAnswer extends AnswerOptions {
  readonly answer?: unknown;
}

const WAKE_TIMEOUT_MS = 3_600_000;

type Answer = NonNullable<PayloadOf<"TASK">["answers"]>[number];

export class Answers {
  readonly #bus: Bus;
  readonly #instance: string;
  readonly #records: Records;

  constructor(bus: Bus, instance: string, records: Records) {
    this.#bus = bus;
    this.#instance = instance;
    this.#records = records;
  }

  /** `input.clarification` is `{ question, answer, …extra }`; `ctx.answers` has it too. */
  clarification(question: SignalOf<"CLARIFICATION">, options: ClarificationAnswer): Promise<SignalOf<"TASK">> {
    requirePause(question, "CLARIFICATION");
    const { answer, by } = options;
    const text = question.payload.question;
    return this.#wake(question, options, {
      answer: { kind: "clarification", question: text, answer, ...(by !== undefined && { by }) },
      input: { clarification: { question: text, answer, ...options.extra } },
    });
  }

  /** `input.permission` is `{ action, granted, reason? }`; `ctx.answers` has it too. */
  permission(question: SignalOf<"PERMISSION">, options: PermissionAnswer): Promise<SignalOf<"TASK">> {
    requirePause(question, "PERMISSION");
    const { granted, reason, by } = options;
    if (typeof granted !== "boolean") {
      throw new DendriteError("INVALID_OPTION", `granted must be true or false, got ${JSON.stringify(granted)}`);
    }
    const { action } = question.payload;
    return this.#wake(question, options, {
      answer: {
        kind: "permission",
        question: action,
        answer: reason ?? null,
        granted,
        ...(by !== undefined && { by }),
      },
      input: { permission: { action, granted, ...(reason !== undefined && { reason }) } },
    });
  }

  /** `input.escalation` is `{ reason, context, from, answer? }`. Wakes the escalation's target unless told otherwise. */
  escalation(question: SignalOf<"ESCALATION">, options: EscalationAnswer = {}): Promise<SignalOf<"TASK">> {
    requirePause(question, "ESCALATION");
    const { reason, target, context = {} } = question.payload;
    const { answer, by } = options;
    return this.#wake(
      question,
      { ...options, neuron: options.neuron ?? target },
      {
        answer: { kind: "escalation", question: reason, answer: answer ?? null, ...(by !== undefined && { by }) },
        input: { escalation: { reason, context, from: question.directed.id, ...(answer !== undefined && { answer }) } },
      },
    );
  }

  async #wake(
    question: SignalOf<PauseType>,
    options: AnswerOptions,
    said: { answer: Answer; input: JsonObject },
  ): Promise<SignalOf<"TASK">> {
    const original = await this.#originalTask(question, options.input);
    await this.#requireOpen(question);
    const timeoutMs = parseMs("timeoutMs", options.timeoutMs ?? WAKE_TIMEOUT_MS);
    const neuron = parseNeuronId(options.neuron ?? question.directed.id);
    const { tenant_id, parent_run_id, reply_to, run_id } = question.meta;
    const task = createSignal({
      type: "TASK",
      trace_id: question.trace_id,
      parent_id: question.id,
      directed: { id: neuron, type: null, capabilities: [] },
      payload: {
        ...original,
        input: { ...original.input, ...said.input },
        answers: [...(original.answers ?? []), said.answer],
        deadline: new Date(Date.now() + timeoutMs).toISOString(),
      },
      meta: {
        ...(run_id !== undefined && { run_id }),
        ...(tenant_id !== undefined && { tenant_id }),
        ...(parent_run_id !== undefined && { parent_run_id }),
        ...(reply_to !== undefined && { reply_to }),
        instance: this.#instance,
      },
    });
    const { seq, duplicate } = await this.#bus.append(task, { dedupId: answerDedupId(question.id) });
    // A duplicate is another's answer, unless it is this one whose acknowledgement was lost on the way.
    if (duplicate && signalOf(await this.#bus.get(seq))?.id !== task.id) throw new AlreadyAnsweredError(question);
    return task;
  }

  async #originalTask(question: SignalOf<PauseType>, given: JsonObject | undefined): Promise<PayloadOf<"TASK">> {
    const { task_seq, run_id } = question.meta;
    let task = task_seq === undefined ? undefined : signalOf(await this.#bus.get(task_seq));
    if (task_seq !== undefined && run_id !== undefined && task?.type !== "TASK") {
      task = await this.#recordedTask(run_id, question.parent_id, given !== undefined);
    }
    if (task?.type === "TASK") return given === undefined ? task.payload : { ...task.payload, input: given };
    if (isJsonObject(given)) return { input: given };
    throw new DendriteError(
      "TASK_NOT_FOUND",
      `the task behind ${question.type} ${question.id} is not in the log and not in the tables (it was transient, or is past ` +
        "retention); pass its input: { input }",
    );
  }

  async #recordedTask(runId: string, taskId: string | null, isOptional: boolean): Promise<Signal | undefined> {
    try {
      return (await this.#records.taskOf(runId, taskId ?? undefined)) ?? undefined;
    } catch (error) {
      if (isOptional && error instanceof RecordsUnavailableError) return undefined;
      throw error;
    }
  }

  async #requireOpen(question: SignalOf<PauseType>): Promise<void> {
    const run = question.meta.run_id ?? "_";
    const [wake, reply] = await Promise.all([
      this.#bus.lastOf(wakesOf(question.trace_id, run)),
      this.#bus.lastOf(repliesOf(question.trace_id, run, question.meta.reply_to)),
    ]);
    // Any TASK that woke the run but the one that asked.
    const isAnswered = wake !== null && signalOf(wake)?.id !== question.parent_id;
    const isRemoved = reply === null && question.meta.task_seq !== undefined;
    const last = isRemoved ? (await this.#records.replyOf(run))?.reply : signalOf(reply);
    // Answered and running, as far as the tables know: its question is no open one, and nothing came after it.
    if (isRemoved && last === undefined) throw new AlreadyAnsweredError(question);
    if (isAnswered || (last !== undefined && last.id !== question.id)) throw new AlreadyAnsweredError(question);
  }
}

function requirePause(signal: SignalOf<PauseType>, type: PauseType): void {
  if (signal?.type === type) return;
  throw new DendriteError("INVALID_OPTION", `expected a ${type} Signal, got ${String(signal?.type)}`);
}
