-- The tables of Myelin: the log as rows (signals), what it says about runs (runs, run_events), and the recorder's own books.
--
-- Everything but `workers` follows from the log alone: no clock, no serial, no random id (R1). Ids compare bytewise
-- (COLLATE "C"): they are ASCII, and a locale would make every index comparison several times dearer.

-- One row per log, that is per creation of a stream. A stream that was deleted and made again starts at sequence 1
-- again; without a log_id of its own its rows would be taken for those already there.
CREATE TABLE "logs" (
    "log_id" SMALLINT NOT NULL,
    "namespace" TEXT NOT NULL,
    "stream" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "logs_pkey" PRIMARY KEY ("log_id")
);
CREATE UNIQUE INDEX "logs_namespace_created_at_key" ON "logs"("namespace", "created_at");

-- The only cursor of the recorder, and a witness: the entry it stands on, by which a rolled-back log is noticed.
CREATE TABLE "recorder_positions" (
    "log_id" SMALLINT NOT NULL,
    "seq" BIGINT NOT NULL,
    "signal_id" TEXT,
    "stored_at" TIMESTAMPTZ(3),

    CONSTRAINT "recorder_positions_pkey" PRIMARY KEY ("log_id")
);

-- Sequences the log did not hold when the recorder came by (purged, or deleted inside). Recorded, never guessed.
CREATE TABLE "recorder_gaps" (
    "log_id" SMALLINT NOT NULL,
    "from_seq" BIGINT NOT NULL,
    "to_seq" BIGINT NOT NULL,

    CONSTRAINT "recorder_gaps_pkey" PRIMARY KEY ("log_id", "from_seq")
);

-- Every entry of every log that is a Signal Postgres can hold. Partitioned by the stream's clock, a week each (Monday
-- 00:00 UTC); the recorder makes partitions as it needs them, retention drops them. A peer's own `ts` never chooses one.
-- There is no default partition: attaching a week beside it would lock and scan it.
CREATE TABLE "signals" (
    "log_id" SMALLINT NOT NULL,
    "seq" BIGINT NOT NULL,
    "stored_at" TIMESTAMPTZ(3) NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "type" TEXT COLLATE "C" NOT NULL,
    "trace_id" TEXT COLLATE "C" NOT NULL,
    "parent_id" TEXT COLLATE "C",
    "run_id" TEXT COLLATE "C",
    "tenant_id" TEXT NOT NULL DEFAULT '',
    "ts" TIMESTAMPTZ(3) NOT NULL,
    "directed" JSONB,
    "payload" JSONB NOT NULL,
    "meta" JSONB NOT NULL,

    CONSTRAINT "signals_pkey" PRIMARY KEY ("log_id", "seq", "stored_at")
) PARTITION BY RANGE ("stored_at");
CREATE INDEX "signals_trace_id_seq_idx" ON "signals"("trace_id", "seq");
CREATE INDEX "signals_run_id_seq_idx" ON "signals"("run_id", "seq") WHERE "run_id" IS NOT NULL;

-- One row per run. Every column is one of four merges over the run's Signals: first by sequence (what it was asked),
-- last by sequence (its live status), least/greatest (times, sequences, attempts), or a sum over rows inserted in the
-- same transaction (terminals). The first terminal by sequence wins.
CREATE TABLE "runs" (
    "run_id" TEXT COLLATE "C" NOT NULL,
    "log_id" SMALLINT NOT NULL,
    "tenant_id" TEXT NOT NULL DEFAULT '',
    "trace_id" TEXT COLLATE "C" NOT NULL,
    "parent_run_id" TEXT COLLATE "C",
    "neuron_id" TEXT COLLATE "C",
    "status" TEXT COLLATE "C" NOT NULL,
    "input" JSONB,
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "output" JSONB,
    "error_code" TEXT,
    "error_message" TEXT,
    "error_recoverable" BOOLEAN,
    "priority" TEXT,
    "deadline" TIMESTAMPTZ(3),
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "iteration_count" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),
    "first_seq" BIGINT NOT NULL,
    "last_seq" BIGINT NOT NULL,
    "task_seq" BIGINT,
    "live_seq" BIGINT,
    "terminal_seq" BIGINT,
    "terminals" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "runs_pkey" PRIMARY KEY ("run_id")
) WITH (fillfactor = 80);
CREATE INDEX "runs_created_at_idx" ON "runs"("created_at" DESC, "run_id" DESC);
CREATE INDEX "runs_tenant_id_created_at_idx" ON "runs"("tenant_id", "created_at" DESC, "run_id" DESC);
CREATE INDEX "runs_neuron_id_created_at_idx" ON "runs"("neuron_id", "created_at" DESC, "run_id" DESC);
CREATE INDEX "runs_open_idx" ON "runs"("status", "created_at" DESC, "run_id" DESC)
    WHERE "status" IN ('running', 'waiting_client_tool', 'waiting_human_input', 'waiting_approval');
CREATE INDEX "runs_metadata_idx" ON "runs" USING GIN ("metadata" jsonb_path_ops);
CREATE INDEX "runs_trace_id_idx" ON "runs"("trace_id");
CREATE INDEX "runs_parent_run_id_idx" ON "runs"("parent_run_id") WHERE "parent_run_id" IS NOT NULL;

-- The journals: entries of RUN_EVENT Signals. No foreign key to runs: an entry may be recorded before its run's row.
CREATE TABLE "run_events" (
    "run_id" TEXT COLLATE "C" NOT NULL,
    "sequence_index" INTEGER NOT NULL,
    "log_id" SMALLINT NOT NULL,
    "seq" BIGINT NOT NULL,
    "tenant_id" TEXT NOT NULL DEFAULT '',
    "event_type" TEXT COLLATE "C" NOT NULL,
    "iteration_index" INTEGER NOT NULL,
    "correlation_id" TEXT,
    "data" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "run_events_pkey" PRIMARY KEY ("run_id", "sequence_index")
);

-- Who serves which neuron, per process. Fed by REGISTER and DEREGISTER in the log and by live HEARTBEATs, so it is the one
-- table that R1 exempts.
CREATE TABLE "workers" (
    "namespace" TEXT NOT NULL,
    "instance_id" TEXT COLLATE "C" NOT NULL,
    "neuron_id" TEXT COLLATE "C" NOT NULL,
    "label" TEXT,
    "capabilities" TEXT[] NOT NULL DEFAULT '{}',
    "version" TEXT,
    "concurrency" INTEGER,
    "status" TEXT NOT NULL,
    "in_flight" INTEGER NOT NULL DEFAULT 0,
    "processed" BIGINT NOT NULL DEFAULT 0,
    "last_processed_at" TIMESTAMPTZ(3),
    "registered_at" TIMESTAMPTZ(3),
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL,
    "left_at" TIMESTAMPTZ(3),

    CONSTRAINT "workers_pkey" PRIMARY KEY ("namespace", "instance_id", "neuron_id")
);

-- Entries of the log that are no row of signals: not a Signal, or one that holds what Postgres cannot (R2).
CREATE TABLE "dead_letters" (
    "log_id" SMALLINT NOT NULL,
    "seq" BIGINT NOT NULL,
    "stored_at" TIMESTAMPTZ(3) NOT NULL,
    "subject" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "run_id" TEXT COLLATE "C",
    "tenant_id" TEXT NOT NULL DEFAULT '',
    "bytes" BYTEA NOT NULL,

    CONSTRAINT "dead_letters_pkey" PRIMARY KEY ("log_id", "seq")
);
