/**
 * The recorder: writes what the log says to Postgres, ends what time must end, answers what the log no longer holds, and
 * counts what the namespace does.
 */
import { migrate, Recorder, RunStore, Sweeper } from "@myelin/runs";
import { Dendrite } from "myelin";
import { connectFromEnv, SYNAPSE_VARIABLES } from "../connect.ts";
import { serveMetrics } from "../metrics/metrics-server.ts";
import { NamespaceMetrics } from "../metrics/namespace-metrics.ts";
import { dendriteMetrics } from "../metrics/own-work.ts";
import { recorderMetrics } from "../metrics/recorder-metrics.ts";
import { createRegistry } from "../metrics/registry.ts";
import { sweeperMetrics } from "../metrics/sweeper-metrics.ts";
import { runProcess } from "../run-process.ts";
import { recordsAxon } from "./records.ts";

await runProcess(
  "recorder",
  [
    ...SYNAPSE_VARIABLES,
    "MYELIN_NAMESPACE",
    "DATABASE_URL",
    "MYELIN_MIGRATE",
    "MYELIN_KEEP_LOG_MS",
    "MYELIN_KEEP_SIGNALS_DAYS",
    "HOST",
    "METRICS_PORT",
  ],
  async ({ env, logger, shutdown }) => {
    const { MYELIN_NAMESPACE: namespace, DATABASE_URL: databaseUrl, METRICS_PORT: metricsPort } = env;
    const registry = createRegistry();
    const ownWork = dendriteMetrics(registry);
    const recording = recorderMetrics(registry);
    if (env.MYELIN_MIGRATE) await migrate(databaseUrl, { log: (line) => logger.info({}, line) });

    const synapse = await connectFromEnv(env, "myelin-recorder");
    shutdown.defer("synapse", () => synapse.drain());
    const bus = await synapse.open(namespace, { provision: true });
    const observer = { ...recording.observer, stopped: (error: Error) => shutdown.fail(error) };
    const keepDays = env.MYELIN_KEEP_SIGNALS_DAYS;
    const recorder = new Recorder({
      bus,
      synapse,
      databaseUrl,
      keepLogMs: env.MYELIN_KEEP_LOG_MS,
      keepSignalsMs: keepDays === undefined ? null : keepDays * 86_400_000,
      logger,
      observer,
    });
    shutdown.defer("recorder", () => recorder.drain());
    await recorder.start();
    recording.watch(recorder);

    const sweeper = new Sweeper({ bus, databaseUrl, logger, observer: sweeperMetrics(registry) });
    shutdown.defer("sweeper", () => sweeper.drain());
    await sweeper.start();

    const store = RunStore.fromDatabaseUrl(databaseUrl, { maxConnections: 2 });
    shutdown.defer("store", () => store.close());
    const dendrite = new Dendrite({ synapse, namespace, dendriteId: "recorder", logger, observer: ownWork.observer });
    shutdown.defer("dendrite", () => dendrite.stop());
    dendrite.attachAxon(recordsAxon(store));
    dendrite.attachHandlers(new NamespaceMetrics(registry));
    await dendrite.start();
    ownWork.watch(dendrite);
    // Everybody answers a DISCOVER with a heartbeat: the roster is right from the start.
    await dendrite.roster();
    if (metricsPort !== undefined) {
      const server = await serveMetrics(registry, { host: env.HOST, port: metricsPort, logger });
      shutdown.defer("metrics", () => server.close());
    }
    logger.info({ namespace, position: recorder.position() }, "recorder.ready");
  },
);
