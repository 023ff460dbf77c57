-- What the sweeper asks: which runs have outlived their deadline, or their question, and have no terminal.

-- The TASK that the run is at: the last one by sequence that came before the run's end. `deadline` is this TASK's.
ALTER TABLE "runs" ADD COLUMN "last_task_seq" BIGINT;
-- While the run waits for a person: until when, if the question said so.
ALTER TABLE "runs" ADD COLUMN "pause_expires_at" TIMESTAMPTZ(3);

UPDATE "runs" AS r SET "last_task_seq" = (
    SELECT max(s."seq") FROM "signals" AS s
    WHERE s."run_id" = r."run_id" AND s."log_id" = r."log_id" AND s."type" = 'TASK'
) WHERE r."terminal_seq" IS NULL;

-- When time ends a run. The sweeper asks for this expression word for word.
CREATE INDEX "runs_due_idx" ON "runs"("log_id", (CASE WHEN "status" IN ('waiting_client_tool', 'waiting_human_input', 'waiting_approval') THEN "pause_expires_at" ELSE "deadline" END))
    WHERE "terminal_seq" IS NULL;
