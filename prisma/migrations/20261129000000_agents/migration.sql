-- Runs of agents: what they were given, what they cost so far, their model calls, tool calls and conversation; and runs that
-- were deleted. All of it but `deleted_runs` follows from the journals, so a log that is recorded again gives it again (R1).

-- The first run.started by sequence. NULL, and 0 for the level, in runs of other neurons.
ALTER TABLE "runs"
    ADD COLUMN "started_seq" BIGINT,
    ADD COLUMN "agent_name" TEXT,
    ADD COLUMN "agent_version" TEXT,
    ADD COLUMN "strategy" TEXT,
    ADD COLUMN "model" TEXT,
    ADD COLUMN "max_iterations" BIGINT,
    ADD COLUMN "delegation_level" BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN "max_delegation_depth" BIGINT,
    ADD COLUMN "retry_of_run_id" TEXT COLLATE "C",
    -- Of the TASK that input and metadata are from.
    ADD COLUMN "idempotency_key" TEXT,
    -- Greatest index of a run.paused and of a run.completed: their entries hold the rest.
    ADD COLUMN "pause_index" INTEGER,
    ADD COLUMN "completed_index" INTEGER,
    -- When the log stored the last part of the journal.
    ADD COLUMN "last_progress_at" TIMESTAMPTZ(3),
    -- Sums over the rows of llm_calls and tool_invocations. NULL: no call said. 0: said to be none.
    ADD COLUMN "llm_calls" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "tool_calls" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "unknown_cost_calls" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "input_tokens" BIGINT,
    ADD COLUMN "output_tokens" BIGINT,
    ADD COLUMN "cache_read_input_tokens" BIGINT,
    ADD COLUMN "cache_creation_input_tokens" BIGINT,
    ADD COLUMN "reasoning_tokens" BIGINT,
    ADD COLUMN "cost_nano_usd" BIGINT;
CREATE INDEX "runs_retry_of_run_id_idx" ON "runs"("retry_of_run_id") WHERE "retry_of_run_id" IS NOT NULL;
CREATE INDEX "runs_idempotency_key_idx" ON "runs"("idempotency_key") WHERE "idempotency_key" IS NOT NULL;

-- One row per llm.completed and llm.failed. What is large (text, reasoning, the vendor's request and answer) is in the
-- entry of run_events with the same key, once.
CREATE TABLE "llm_calls" (
    "run_id" TEXT COLLATE "C" NOT NULL,
    "sequence_index" INTEGER NOT NULL,
    "log_id" SMALLINT NOT NULL,
    "tenant_id" TEXT NOT NULL DEFAULT '',
    "id" TEXT NOT NULL,
    "iteration_index" INTEGER NOT NULL,
    "provider" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "success" BOOLEAN NOT NULL,
    "error_code" TEXT,
    "error_message" TEXT,
    "finish_reason" TEXT,
    "input_tokens" BIGINT,
    "output_tokens" BIGINT,
    "cache_read_input_tokens" BIGINT,
    "cache_creation_input_tokens" BIGINT,
    "reasoning_tokens" BIGINT,
    "cost_nano_usd" BIGINT,
    "duration_ms" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "llm_calls_pkey" PRIMARY KEY ("run_id", "sequence_index")
);

-- One row per tool.completed: of a tool, a client, a person, or of the policy that refused the call.
CREATE TABLE "tool_invocations" (
    "run_id" TEXT COLLATE "C" NOT NULL,
    "sequence_index" INTEGER NOT NULL,
    "log_id" SMALLINT NOT NULL,
    "tenant_id" TEXT NOT NULL DEFAULT '',
    "iteration_index" INTEGER NOT NULL,
    "order_index" BIGINT NOT NULL,
    "call_id" TEXT NOT NULL,
    "provider_call_id" TEXT,
    "tool_name" TEXT NOT NULL,
    "target" TEXT NOT NULL,
    "params" JSONB NOT NULL,
    "result" JSONB NOT NULL,
    "success" BOOLEAN NOT NULL,
    "error" TEXT,
    "duration_ms" BIGINT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "tool_invocations_pkey" PRIMARY KEY ("run_id", "sequence_index")
);

-- The conversation, as the model saw it. `sequence_index` is the entry that said it; those of a retry's `seed` have run.started's.
CREATE TABLE "messages" (
    "run_id" TEXT COLLATE "C" NOT NULL,
    "order_index" BIGINT NOT NULL,
    "log_id" SMALLINT NOT NULL,
    "sequence_index" INTEGER NOT NULL,
    "tenant_id" TEXT NOT NULL DEFAULT '',
    "iteration_index" INTEGER NOT NULL,
    "role" TEXT NOT NULL,
    "content" TEXT NOT NULL,
    "tool_calls" JSONB NOT NULL DEFAULT '[]',
    "call_id" TEXT,
    "tool_name" TEXT,
    "is_error" BOOLEAN NOT NULL DEFAULT false,
    "is_seed" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "messages_pkey" PRIMARY KEY ("run_id", "order_index")
);

-- Tombstones: what was deleted stays so, however often the log is recorded.
CREATE TABLE "deleted_runs" (
    "run_id" TEXT COLLATE "C" NOT NULL,
    "tenant_id" TEXT NOT NULL DEFAULT '',
    "deleted_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "deleted_runs_pkey" PRIMARY KEY ("run_id")
);
