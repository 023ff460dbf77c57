/** @myelin/bus: everything that moves a Signal. */

// For users.
export {
  BusError,
  LogUnavailableError,
  NotPermittedError,
  PayloadTooLargeError,
  WrongLastSeqError,
  CATALOG,
  LANES,
  SIGNAL_TYPES,
  checkSignal,
  createSignal,
  encodeSignal,
  isEndType,
  isPauseType,
  isReplyType,
  isSignalType,
  newRunId,
  newSignalId,
  newTraceId,
  parseSignal,
  protocolJsonSchema,
  signalJsonSchema,
} from "./protocol/index.ts";
export type {
  BusErrorCode,
  Directed,
  DirectedOf,
  EndType,
  InstanceId,
  Lane,
  Meta,
  NewSignal,
  ParsedSignal,
  PauseType,
  PayloadOf,
  Producer,
  ReplyType,
  RunId,
  Signal,
  SignalId,
  SignalOf,
  SignalProblem,
  SignalProblemCode,
  SignalType,
  TraceId,
} from "./protocol/index.ts";
export { connectSynapse } from "./synapse/connect.ts";
export type { ConnectOptions } from "./synapse/connect.ts";
export type { NatsOptions } from "./synapse/nats/nats-options.ts";
export type { Synapse, SynapseStatus } from "./synapse/synapse.ts";
export type { Logger } from "./logger.ts";

// For siblings.
export { silentLogger } from "./logger.ts";
export { Recent } from "./synapse/recent.ts";
export { signalOf } from "./synapse/signal-of.ts";
export {
  answerDedupId,
  endDedupId,
  toStopped,
  bucketOf,
  entriesIn,
  takeEntries,
  isId,
  isRunId,
  isSignalId,
  isTraceId,
  journalOf,
  keptTimeText,
  matchesFilter,
  msOfTime,
  newInstanceId,
  parseCapability,
  parseNamespace,
  parseNeuronId,
  parseSubject,
  parseTraceId,
  repliesOf,
  replyDedupId,
  runIdOf,
  timeOfId,
  toChildEnd,
  toWakeTask,
  wakesOf,
} from "./protocol/index.ts";
export type { Channel, SubjectFilter, SubjectTokens } from "./protocol/index.ts";
export type {
  AppendOptions,
  Appended,
  Bus,
  BusProblem,
  Consumption,
  ConsumeOptions,
  KeyValue,
  LogEntry,
  LogInfo,
  OpenOptions,
  PutKeyOptions,
  ReadOptions,
  Received,
  SignalHandler,
  Subscription,
  TaskDelivery,
  TaskHandler,
  TaskOutcome,
  TaskSource,
} from "./synapse/synapse.ts";
