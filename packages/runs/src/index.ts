// For users.
export { migrate } from "./migrate.ts";
export type { MigrateOptions } from "./migrate.ts";
export { LogRolledBackError, MigrationError, RunStoreError, RunsError } from "./errors.ts";
export type { RunsErrorCode } from "./errors.ts";
