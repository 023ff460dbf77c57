// For users.
export { createSignal, checkSignal, encodeSignal, parseSignal } from "./signal.ts";
export type {
  Directed,
  DirectedOf,
  Meta,
  NewSignal,
  ParsedSignal,
  Producer,
  Signal,
  SignalOf,
  SignalProblem,
  SignalProblemCode,
} from "./signal.ts";
export { CATALOG, SIGNAL_TYPES, isSignalType, isEndType, isPauseType, isReplyType } from "./catalog.ts";
export type { EndType, PauseType, PayloadOf, ReplyType, SignalType } from "./catalog.ts";
export { newSignalId, newTraceId, newRunId } from "./ids.ts";
export type { InstanceId, RunId, SignalId, TraceId } from "./ids.ts";
export { BusError, LogUnavailableError, NotPermittedError, PayloadTooLargeError, WrongLastSeqError } from "./errors.ts";
export type { BusErrorCode } from "./errors.ts";
export { protocolJsonSchema, signalJsonSchema } from "./json-schema.ts";
export { LANES } from "./signals/task.ts";
export type { Lane } from "./signals/task.ts";

// For siblings.
export {
  isId,
  isRunId,
  isSignalId,
  isTraceId,
  newInstanceId,
  parseCapability,
  parseKey,
  parseNamespace,
  parseNeuronId,
  parseTraceId,
  timeOfId,
} from "./ids.ts";
export {
  bucketOf,
  captureSubject,
  consumerName,
  keyCaptureSubject,
  keyStreamName,
  keySubject,
  matchesFilter,
  objectCaptureSubjects,
  objectInfoSubject,
  objectPartSubject,
  objectStreamName,
  parseSubject,
  republishSubject,
  streamName,
  subjectFilter,
  subjectOf,
} from "./subjects.ts";
export type { Channel, SubjectFilter, SubjectTokens } from "./subjects.ts";
export {
  answerDedupId,
  endDedupId,
  toStopped,
  entriesIn,
  takeEntries,
  journalOf,
  repliesOf,
  replyDedupId,
  runIdOf,
  toWakeTask,
  wakesOf,
} from "./run-signals.ts";
export { keptTimeText, msOfTime } from "./time-text.ts";
export { toChildEnd } from "./to-child-end.ts";
export { encodeTicket, isObjectReference, readTicket } from "./ticket.ts";
export type { Ticket } from "./ticket.ts";
