/**
 * Runs: starts an agent's runs, waits for them, submits what they wait for, cancels and retries them: from any process, with
 * nothing but the run's id. `dendrite.runs`.
 */
import type { Dispatched } from "../dispatcher.ts";
import type { RunStreamEvent } from "./run-event.ts";
import type {
  AgentRef,
  Approval,
  CancelRun,
  FollowRun,
  HumanInput,
  RetryRequest,
  RunAndWait,
  RunRequest,
  ToolResults,
  WaitForRun,
} from "./run-request.ts";
import type { CancelledRun, RunResult, Submitted } from "./run-result.ts";

export class Runs {
  /**
   * Start a run and go on. Resolves once its task is in the log. Rejects, before anything is sent, with `InputValidationError`,
   * `UnknownNameError`, `GuardrailBlockedError`, `NoWorkerError`, `IdempotencyConflictError`.
   */
  async start(_agent: AgentRef, _request: RunRequest): Promise<Dispatched> {
    return notYet();
  }

  /**
   * Run an agent, to its end or (unless `onPause: "wait"`) to its first pause. Rejects as `start`, with `NeuronError` when it
   * failed or was cancelled (`code` STOPPED), `DispatchTimeoutError`, or the reason of `signal` (the run is stopped then).
   */
  async run(_agent: AgentRef, _request: RunAndWait): Promise<RunResult> {
    return notYet();
  }

  /**
   * What a run came to, or waits for; it is waited for while it runs. Rejects with `RunNotFoundError`, and as `run`. Giving up
   * leaves the run alone.
   */
  async wait(_runId: string, _options: WaitForRun = {}): Promise<RunResult> {
    return notYet();
  }

  /**
   * Run an agent and watch it: its entries as they are stored, its text as it comes. Ends behind the end of the run, or
   * (unless `onPause: "wait"`) behind a pause. A failed run does not throw: `run_error` says it. Throws as `start`, and
   * `STREAM_OVERFLOW` for a reader that is 10,000 events behind. Leaving the loop early stops the run.
   */
  // eslint-disable-next-line require-yield -- not yet
  async *stream(_agent: AgentRef, _request: RunAndWait): AsyncGenerator<RunStreamEvent, void, void> {
    await notYet();
  }

  /**
   * Watch a run that is there already: what it did, then what it does, to its end. `afterSequenceIndex` goes on where an
   * earlier one broke off, without loss or repetition. Throws `RunNotFoundError`. Leaving leaves the run alone.
   */
  // eslint-disable-next-line require-yield -- not yet
  async *follow(_runId: string, _options: FollowRun = {}): AsyncGenerator<RunStreamEvent, void, void> {
    await notYet();
  }

  /**
   * Allow or refuse the calls a run waits with. Of any number that race one wins; a refused submission changes nothing.
   * Rejects with `RunNotFoundError`, `RunNotPausedError`, `PauseStatusMismatchError`, `RunAlreadyClaimedError`,
   * `RunAlreadyTerminalError`, `PauseExpiredError`, `InvalidToolResultError` (a call id that does not wait).
   */
  async submitApproval(_runId: string, _approval: Approval): Promise<Submitted> {
    return notYet();
  }

  /** Answer what a run asked a person. As `submitApproval`. */
  async submitInput(_runId: string, _input: HumanInput): Promise<Submitted> {
    return notYet();
  }

  /** Give the results of calls that run outside; some or all. As `submitApproval`. */
  async submitToolResults(_runId: string, _results: ToolResults): Promise<Submitted> {
    return notYet();
  }

  /**
   * Cancel a run, running or paused, and what it delegated. Never refused for a run that is over: it resolves with what that
   * came to. Rejects with `RunNotFoundError`.
   */
  async cancelRun(_runId: string, _options: CancelRun = {}): Promise<CancelledRun> {
    return notYet();
  }

  /**
   * Run again what is over: a new run on the same trace, with the conversation, configuration, metadata and tenant of the
   * old one, and what is given here instead. Rejects as `run`, with `RunNotFoundError`, and `RunNotTerminalError`.
   */
  async retry(_runId: string, _request: RetryRequest = {}): Promise<RunResult> {
    return notYet();
  }
}

const notYet = (): Promise<never> => Promise.reject(new Error("not yet"));
