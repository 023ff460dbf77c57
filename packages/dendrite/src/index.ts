/** @myelin/dendrite: the bus client that hosts workers and dispatches tasks. */

// For users.
export { Dendrite } from "./dendrite.ts";
export type { DendriteOptions } from "./options.ts";
export { Axon } from "./axon/axon.ts";
export type { AxonOptions } from "./axon/axon.ts";
export type { FailureView, RetryOptions } from "./axon/retry-policy.ts";
export type { RateLimitOptions } from "./axon/rate-limit.ts";
export type { CallOptions, DispatchRequest, ReattachOptions, RunKey, WaitRequest } from "./requests.ts";
export type { Dispatched } from "./dispatcher.ts";
export type { ReplayOptions } from "./replay.ts";
export { Runs } from "./runs/runs.ts";
export { END_EVENTS } from "./runs/run-event.ts";
export type { RunStreamEvent } from "./runs/run-event.ts";
export type {
  AgentRef,
  Approval,
  CancelRun,
  ClientToolResult,
  FollowRun,
  HumanInput,
  RetryRequest,
  RunAndWait,
  RunRequest,
  TenantScope,
  ToolResults,
  WaitForRun,
} from "./runs/run-request.ts";
export type { CancelledRun, RunPause, RunResult, RunUsage, Submitted, WaitingCall } from "./runs/run-result.ts";
export { runRecords } from "./records.ts";
export type { RecordsAnswer, RecordsQuestion } from "./records.ts";
export type { ClarificationAnswer, EscalationAnswer, PermissionAnswer } from "./answers.ts";
export type { Handler, HandlerFilter, HandlerMethod, HandlerRegistration } from "./handlers.ts";
export type { RosterEntry } from "./roster.ts";
export type { DendriteObserver, DendriteStats } from "./observer.ts";
export {
  AlreadyAnsweredError,
  DeadLetterNotFoundError,
  DendriteError,
  DispatchTimeoutError,
  GuardrailBlockedError,
  IdempotencyConflictError,
  InputValidationError,
  InvalidToolResultError,
  NeuronError,
  NeuronPausedError,
  NotAnAgentError,
  NoWorkerError,
  PauseExpiredError,
  PauseStatusMismatchError,
  RecordsUnavailableError,
  RunAlreadyClaimedError,
  RunAlreadyTerminalError,
  RunNotFoundError,
  RunNotPausedError,
  RunNotTerminalError,
  UnknownNameError,
} from "./errors.ts";
export type { AxonErrorCode, DendriteErrorCode, InputIssue } from "./errors.ts";
export {
  onAgentOutput,
  onAudit,
  onClarification,
  onConsensus,
  onContextSync,
  onCritique,
  onDeregisterSignal,
  onErrorSignal,
  onEscalation,
  onFinal,
  onHeartbeatSignal,
  onMemoryAppend,
  onPermission,
  onPlan,
  onRegisterSignal,
  onRunEvent,
  onStop,
  onStopped,
  onTaskSignal,
  onThoughtDelta,
  onToolCall,
  onToolResult,
} from "./decorators.ts";
