// For users.
export * from "./protocol/index.ts";
export { connectSynapse } from "./synapse/connect.ts";
export type { ConnectOptions } from "./synapse/connect.ts";
export type { NatsOptions } from "./synapse/nats/nats-options.ts";
export type {
  AppendOptions,
  Appended,
  Bus,
  BusProblem,
  Consumption,
  ConsumeOptions,
  LogEntry,
  LogInfo,
  OpenOptions,
  ReadOptions,
  Received,
  SignalHandler,
  Subscription,
  Synapse,
  SynapseStatus,
  TaskDelivery,
  TaskHandler,
  TaskOutcome,
  TaskSource,
} from "./synapse/synapse.ts";
