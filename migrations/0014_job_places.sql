-- Where in its run a job stands, from 1: a run is published in this order, the stalest accounts first, the stores in turns
-- (STATEMENT_PLAN_RUN). 0: nobody gave the job a place; such jobs go first.
ALTER TABLE sync_jobs ADD COLUMN place bigint NOT NULL DEFAULT 0;

DROP INDEX sync_jobs_unpublished_idx;
CREATE INDEX sync_jobs_unpublished_idx ON sync_jobs (job_type, snapshot_date, place, account_id, generation)
	WHERE published_at IS NULL;
