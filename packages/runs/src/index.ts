/** @myelin/runs: what the log says, as rows (Recorder), and the rows, read (RunStore). Prisma is loaded at first use. */

// For users.
export { migrate } from "./migrate.ts";
export type { MigrateOptions } from "./migrate.ts";
export { Recorder } from "./recorder/recorder.ts";
export type { RecordedBus, RecorderObserver, RecorderOptions, RecorderState } from "./recorder/recorder-options.ts";
export { LogRolledBackError, MigrationError, RunStoreError, RunsError } from "./errors.ts";
export type { RunsErrorCode } from "./errors.ts";
export type { Database, OwnedDatabase } from "./database.ts";

// For siblings: the recorder's parts, for benches.
export { openDatabase } from "./database.ts";
export { openPosition } from "./recorder/position.ts";
export { ensurePartitions } from "./recorder/partitions.ts";
export { writeBatch } from "./recorder/write-batch.ts";
export type { BatchResult, LogIdentity } from "./recorder/write-batch.ts";
