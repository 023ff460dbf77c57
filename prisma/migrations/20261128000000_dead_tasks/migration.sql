-- Dead letters are also tasks that failed for good, and can be found by the id of their ERROR; any Signal by its id.

ALTER TABLE "dead_letters" RENAME COLUMN "reason" TO "code";
ALTER TABLE "dead_letters"
    ADD COLUMN "id" TEXT COLLATE "C",
    ADD COLUMN "kind" TEXT COLLATE "C",
    ADD COLUMN "neuron_id" TEXT COLLATE "C",
    ADD COLUMN "trace_id" TEXT COLLATE "C",
    ADD COLUMN "task_seq" BIGINT,
    ADD COLUMN "attempts" JSONB NOT NULL DEFAULT '[]',
    ADD COLUMN "replayed_run_id" TEXT COLLATE "C",
    ALTER COLUMN "subject" DROP NOT NULL,
    ALTER COLUMN "bytes" DROP NOT NULL;
UPDATE "dead_letters" SET "id" = 'msg_' || "log_id" || '_' || "seq", "kind" = 'message';
ALTER TABLE "dead_letters"
    ALTER COLUMN "id" SET NOT NULL,
    ALTER COLUMN "kind" SET NOT NULL,
    DROP CONSTRAINT "dead_letters_pkey",
    ADD CONSTRAINT "dead_letters_pkey" PRIMARY KEY ("id");
CREATE INDEX "dead_letters_stored_at_idx" ON "dead_letters"("stored_at" DESC, "id" DESC);
CREATE INDEX "dead_letters_tenant_id_stored_at_idx" ON "dead_letters"("tenant_id", "stored_at" DESC, "id" DESC);

-- Those that had failed before there was this.
INSERT INTO "dead_letters" ("id", "kind", "log_id", "seq", "stored_at", "code", "message", "neuron_id", "run_id", "trace_id", "tenant_id", "task_seq")
SELECT s."id", 'task', s."log_id", s."seq", s."stored_at", s."payload"->>'code', s."payload"->>'message', s."directed"->>'id', s."run_id", s."trace_id",
    s."tenant_id", (s."meta"->>'task_seq')::numeric::bigint
FROM "runs" AS r JOIN "signals" AS s ON s."log_id" = r."log_id" AND s."seq" = r."terminal_seq" AND s."stored_at" = r."ended_at"
WHERE s."type" = 'ERROR' AND s."meta" ? 'task_seq'
ON CONFLICT DO NOTHING;

CREATE INDEX "signals_id_idx" ON "signals"("id");
