/** @myelin/runs: what the log says, as rows (Recorder), and the rows, read (RunStore). Prisma is loaded at first use. */

// For users.
export { migrate } from "./migrate.ts";
export type { MigrateOptions } from "./migrate.ts";
export { Recorder } from "./recorder/recorder.ts";
export type { RecordedBus, RecorderObserver, RecorderOptions, RecorderState } from "./recorder/recorder-options.ts";
export { Sweeper } from "./sweeper/sweeper.ts";
export type { SweeperObserver, SweeperOptions, SweptBus } from "./sweeper/sweeper-options.ts";
export { RunStore } from "./store/run-store.ts";
export type { RunStoreClientOptions, RunStoreOptions } from "./store/run-store.ts";
export { RunQueries } from "./store/run-queries.ts";
export { ScopedRunStore } from "./store/scoped-run-store.ts";
export type { RunFilter } from "./store/run-filter.ts";
export type { PageOptions, RunPage } from "./store/list-runs.ts";
export type { CountOptions } from "./store/count-runs.ts";
export type { CostsOptions } from "./store/get-costs.ts";
export type { EventsOptions } from "./store/get-events.ts";
export type { EventStreamOptions } from "./store/stream-events.ts";
export type { CallsOptions, RowsOptions } from "./store/page-rows.ts";
export type { DeadLetterOptions, DeadLetterPage } from "./store/list-dead-letters.ts";
export type { SignalsOf, SignalsOptions } from "./store/get-signals.ts";
export type { WorkerFilter } from "./store/list-workers.ts";
export { RunAdmin } from "./admin/run-admin.ts";
export type { DeleteRunOptions } from "./admin/run-admin.ts";
export type { DeletedRows } from "./admin/delete-run.ts";
export { toTraceTree } from "./store/trace-tree.ts";
export type {
  ApprovalDecision,
  CostLine,
  DeadLetter,
  DeadLetterDetail,
  DeadLetterKind,
  DelegationInfo,
  FailedAttempt,
  JsonObject,
  LlmCall,
  GuardrailFindings,
  OpenPause,
  PausePair,
  PendingToolCall,
  RecordedCount,
  RunBrief,
  RunDetail,
  RunError,
  RunSummary,
  StoredEvent,
  StoredSignal,
  StoredToolCall,
  SubtreeSummary,
  ToolInvocation,
  TraceEntry,
  TraceNode,
  UsageTotals,
  WorkerRecord,
} from "./store/views.ts";
export { LogRolledBackError, MigrationError, RunStoreError, RunsError } from "./errors.ts";
export type { RunsErrorCode } from "./errors.ts";
export type { Database, OwnedDatabase } from "./database.ts";

// For siblings: the recorder's parts, for benches.
export { openDatabase } from "./database.ts";
export { openPosition } from "./recorder/position.ts";
export { ensurePartitions } from "./recorder/partitions.ts";
export { writeBatch } from "./recorder/write-batch.ts";
export type { BatchResult, LogIdentity } from "./recorder/write-batch.ts";
