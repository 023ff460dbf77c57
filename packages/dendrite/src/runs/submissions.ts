/**
 * Submissions: what somebody says to a paused run, put in its journal. The append is the claim: it expects the sequence that
 * was read, so of any number who race one is stored; the others read what it wrote and judge again.
 */
import { isEndType, newSignalId, type PauseType, type SignalOf } from "@myelin/bus";
import {
  agentOutput,
  Placeholders,
  taskTimeoutOf,
  type TerminalStatus,
  type WaitingStatus,
} from "@myelin/bus/run-events";
import type { Answers } from "../answers.ts";
import {
  AlreadyAnsweredError,
  InvalidToolResultError,
  PauseExpiredError,
  PauseStatusMismatchError,
  RunAlreadyClaimedError,
  RunAlreadyTerminalError,
  RunNotPausedError,
  type DendriteError,
} from "../errors.ts";
import { requireTenant, type KnownRun, type RunHistory } from "../run-history.ts";
import { parseTimeoutMs } from "../validate.ts";
import { isPause, type Reply } from "../waiters.ts";
import type { Children } from "./children.ts";
import { guardSubmission } from "./guard-submission.ts";
import { judge, type Refusal, type Submission } from "./judge.ts";
import type { RunJournals } from "./run-journals.ts";
import { plainStatusOf, toWaitingCall } from "./to-result.ts";
import type { WaitingCall } from "./run-result.ts";
import type { Wakes } from "./wakes.ts";

export interface Taken {
  readonly run: KnownRun;
  readonly isResumed: boolean;
  readonly pending: readonly WaitingCall[];
}

interface SubmitOptions {
  readonly tenantId: string | undefined;
  readonly timeoutMs: number | undefined;
}

type Answering = Exclude<Submission, { kind: "cancel" }>;

export class Submissions {
  readonly #journals: RunJournals;
  readonly #history: RunHistory;
  readonly #wakes: Wakes;
  readonly #children: Children;
  readonly #answers: Answers;
  readonly #namespace: string;

  constructor(parts: {
    journals: RunJournals;
    history: RunHistory;
    wakes: Wakes;
    children: Children;
    answers: Answers;
    namespace: string;
  }) {
    this.#journals = parts.journals;
    this.#history = parts.history;
    this.#wakes = parts.wakes;
    this.#children = parts.children;
    this.#answers = parts.answers;
    this.#namespace = parts.namespace;
  }

  /** Resolves once it is in the log, with the TASK that it wakes the run with, if it does. */
  async submit(runId: string, submission: Answering, { tenantId, timeoutMs }: SubmitOptions): Promise<Taken> {
    if (timeoutMs !== undefined) parseTimeoutMs(timeoutMs);
    let traceId: string | undefined;
    let hasLost = false;
    for (;;) {
      const journal = await this.#journals.read(runId, traceId);
      if (!journal?.state.isOwned) {
        const taken = await this.#answerPlain(runId, submission, { tenantId, timeoutMs });
        if (taken) return taken;
        continue;
      }
      const { run } = journal;
      requireTenant(run, tenantId, this.#namespace);
      const task = { id: newSignalId(), timeoutMs: timeoutMs ?? taskTimeoutOf(journal.entries) };
      const guarded = guardSubmission(run.neuron, journal.entries, submission);
      const judged = judge(journal.entries, guarded.submission, { now: new Date(), task });
      if (!judged.ok) {
        // Perhaps its submitter died before it had sent what follows.
        await this.#children.heal(journal);
        throw toError(runId, judged.refusal, hasLost);
      }
      // Before the claim: a run that is claimed must be woken.
      const first = judged.isResumed ? await this.#wakes.firstTask(journal) : null;
      const stored = await this.#journals.append(journal, [...guarded.entries, ...judged.entries]);
      if (stored === null) {
        traceId = run.traceId;
        hasLost = true;
        continue;
      }
      if (first) await this.#wakes.wake(first, { ...task, parentId: stored });
      const pending = Placeholders.from(journal.entries).unmask(judged.pending.map(toWaitingCall));
      return { run, isResumed: judged.isResumed, pending };
    }
  }

  /** A neuron without a journal of its own pauses with a question, and is woken with its answer. Null: by now it has a journal. */
  async #answerPlain(runId: string, submission: Answering, options: SubmitOptions): Promise<Taken | null> {
    const run = await this.#history.find(runId);
    requireTenant(run, options.tenantId, this.#namespace);
    const found = await this.#history.replyOf(run);
    if (!found) throw new RunNotPausedError(runId);
    const { reply } = found;
    if (!isPause(reply)) throw new RunAlreadyTerminalError(runId, statusOfEnd(reply));
    // It may have begun to wait since its journal was read; what it waits for is there before its question is.
    if ((await this.#journals.read(runId, run.traceId))?.state.isOwned) return null;
    try {
      await this.#say(runId, reply, submission, options.timeoutMs);
    } catch (error) {
      throw error instanceof AlreadyAnsweredError ? new RunAlreadyClaimedError(runId) : error;
    }
    return { run, isResumed: true, pending: [] };
  }

  #say(
    runId: string,
    question: SignalOf<PauseType>,
    submission: Answering,
    timeoutMs: number | undefined,
  ): Promise<SignalOf<"TASK">> {
    const options = { timeoutMs, ...(submission.by !== null && { by: submission.by }) };
    if (submission.kind === "approval" && question.type === "PERMISSION" && submission.rest) {
      const { approved: granted, reason } = submission.rest;
      return this.#answers.permission(question, { ...options, granted, ...(reason !== null && { reason }) });
    }
    if (submission.kind === "input" && question.type === "CLARIFICATION") {
      return this.#answers.clarification(question, { ...options, answer: submission.text });
    }
    const current = plainStatusOf(question);
    const hint = `it paused with ${question.type}, and has no journal; answer it with dendrite.respondTo…(signal, …)`;
    throw new PauseStatusMismatchError(runId, current, EXPECTED[submission.kind], hint);
  }
}

const EXPECTED: { readonly [kind in Answering["kind"]]: WaitingStatus } = {
  approval: "waiting_approval",
  input: "waiting_human_input",
  results: "waiting_client_tool",
};
const VERBS: { readonly [status in Exclude<WaitingStatus, "waiting_child">]: string } = {
  waiting_approval: "submitApproval",
  waiting_human_input: "submitInput",
  waiting_client_tool: "submitToolResults",
};

function toError(runId: string, refusal: Refusal, hasLost: boolean): DendriteError {
  switch (refusal.kind) {
    case "not-paused":
      return hasLost ? new RunAlreadyClaimedError(runId) : new RunNotPausedError(runId);
    case "terminal":
      return new RunAlreadyTerminalError(runId, refusal.status);
    case "expired":
      return new PauseExpiredError(runId, refusal.expiresAt);
    case "mismatch": {
      const { currentStatus, expectedStatus, childRunIds } = refusal;
      const hint =
        currentStatus === "waiting_child"
          ? `answer what it delegated to: ${childRunIds.join(", ")}`
          : `answer it with ${VERBS[currentStatus]}`;
      return new PauseStatusMismatchError(runId, currentStatus, expectedStatus, hint, childRunIds);
    }
    case "claimed":
      return new RunAlreadyClaimedError(runId, refusal.what);
    case "invalid":
      return new InvalidToolResultError(runId, refusal.detail);
  }
}

/** The status of a run by the reply that ended it. */
export function statusOfEnd(reply: Reply): TerminalStatus {
  if (!isEndType(reply.type)) throw new Error(`${reply.type} ends no run`);
  if (reply.type === "STOPPED") return "cancelled";
  if (reply.type === "ERROR") return "error";
  const agent = reply.type === "AGENT_OUTPUT" ? agentOutput.safeParse(reply.payload.output) : undefined;
  return agent?.success ? agent.data.status : "success";
}
