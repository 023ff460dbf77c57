/** A recorder of the chaos fleet, with its sweeper. */
import { connectSynapse } from "@myelin/bus";
import { Recorder, Sweeper } from "@myelin/runs";
import { logger, readArgument, sayReady, untilTerminated, type ProgramArgument } from "./program.ts";

export interface RecorderArgument extends ProgramArgument {
  readonly databaseUrl: string;
  /** How long the log keeps what is recorded. Default: as long as everybody's. */
  readonly keepLogMs?: number | undefined;
}

const { natsUrl, namespace, name, databaseUrl, keepLogMs } = readArgument<RecorderArgument>();
const synapse = await connectSynapse(natsUrl, { name });
const bus = await synapse.open(namespace);
const recorder = new Recorder({
  bus,
  synapse,
  databaseUrl,
  keepLogMs,
  logger,
  checkIntervalMs: 1_000,
  standbyIntervalMs: 200,
  observer: { stopped: () => process.exit(1) },
});
const sweeper = new Sweeper({ bus, databaseUrl, logger });
// Waits for a database that is away: ready means that it tries.
const started = recorder.start().then(() => sweeper.start());
sayReady();
await Promise.race([started.then(untilTerminated), untilTerminated()]);
await Promise.all([recorder.drain(), sweeper.drain()]);
await started.catch(() => {}); // told by `stopped`, or drained
await synapse.drain();
