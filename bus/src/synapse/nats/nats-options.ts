/** What connectSynapse takes for NATS, resolved once into a full type. */

export interface NatsOptions {
  /** Shown in the server's connection list. Default `myelin`. */
  name?: string | undefined;
  /** Upper bound of a namespace's log, in bytes; beyond it appends reject. Default 10 GiB. Read when a log is created. */
  logMaxBytes?: number | undefined;
  /** Copies of the log in a cluster: 1, 3 or 5. Default 1. Read when a log is created. */
  replicas?: number | undefined;
  user?: string | undefined;
  password?: string | undefined;
  token?: string | undefined;
  /** How long to wait for the first connection. Default 5_000. */
  connectTimeoutMs?: number | undefined;
}
