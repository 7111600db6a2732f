-- A log row belongs to one attempt of one job: attempt_id makes a repeated result harmless and lets the final
-- result replace the RUNNING one. Rows of other programs have none of this.

ALTER TABLE sync_logs
	ADD COLUMN job_id uuid,
	ADD COLUMN run_id uuid,
	ADD COLUMN account_id bigint,
	ADD COLUMN snapshot_date date,
	ADD COLUMN attempt_id uuid,
	ADD COLUMN attempt integer,
	ADD COLUMN final boolean NOT NULL DEFAULT true,
	ADD COLUMN error_class text,
	ADD COLUMN api_calls integer,
	ADD COLUMN worker text,
	ADD CONSTRAINT unique_sync_attempt UNIQUE (attempt_id);

CREATE INDEX sync_logs_job_idx ON sync_logs (job_id);
