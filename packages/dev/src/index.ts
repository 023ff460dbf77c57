/** Find and start the servers of a development machine: nats-server and PostgreSQL, without Docker. */
export { startNats } from "./start-nats.ts";
export type { FsyncPolicy, StartNatsOptions } from "./start-nats.ts";
export { startPostgres } from "./start-postgres.ts";
export type { StartPostgresOptions } from "./start-postgres.ts";
export type { DevServer } from "./dev-server.ts";
export { findNatsServer } from "./find-nats-server.ts";
export type { FindNatsServerOptions, NatsServerBinary } from "./find-nats-server.ts";
export { findPostgres } from "./find-postgres.ts";
export type { FindPostgresOptions, PostgresBinaries } from "./find-postgres.ts";
export { spawnNode } from "./spawn-node.ts";
export type { NodeProcess, SpawnNodeOptions } from "./spawn-node.ts";
export type { ExitStatus } from "./guarded-process.ts";
export { onStopSignal } from "./stop-signal.ts";
export { startTcpProxy } from "./tcp-proxy.ts";
export type { TcpProxy, TcpProxyOptions } from "./tcp-proxy.ts";
export { freePort, portIsFree } from "./ports.ts";
export { DevServerError } from "./errors.ts";
export type { DevServerErrorCode } from "./errors.ts";
