-- A run may wait for the end of another (`waiting_child`): it is open, and no deadline of a task ends it meanwhile.

DROP INDEX "runs_open_idx";
CREATE INDEX "runs_open_idx" ON "runs"("status", "created_at" DESC, "run_id" DESC)
    WHERE "status" IN ('running', 'waiting_client_tool', 'waiting_human_input', 'waiting_approval', 'waiting_child');

-- When time ends a run. The sweeper asks for this expression word for word.
DROP INDEX "runs_due_idx";
CREATE INDEX "runs_due_idx" ON "runs"("log_id", (CASE WHEN "status" IN ('waiting_client_tool', 'waiting_human_input', 'waiting_approval', 'waiting_child') THEN "pause_expires_at" ELSE "deadline" END))
    WHERE "terminal_seq" IS NULL;
