-- The manifest: a run's jobs are written here first and published second, so that an interrupted run can be
-- finished, a repeated delivery finds its job done, and what became of every job can be proved.
--
--     planned -> queued -> running -> success | skipped | dead
--                  ^          |
--                  +-retrying-+
--
-- generation tells repeated jobs of one account, type and day apart (producer --force, token refreshes). account_id
-- has no foreign key on purpose: a deleted account must not take the proof of its jobs with it.

CREATE TABLE sync_runs (
	run_id uuid PRIMARY KEY,
	job_type varchar(50) NOT NULL,
	snapshot_date date NOT NULL,
	selection text NOT NULL,
	planned bigint NOT NULL,
	started_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sync_jobs (
	job_id uuid PRIMARY KEY,
	run_id uuid NOT NULL,
	account_id bigint NOT NULL,
	store_code varchar(50) NOT NULL,
	job_type varchar(50) NOT NULL,
	snapshot_date date NOT NULL,
	generation integer NOT NULL DEFAULT 0,
	express boolean NOT NULL DEFAULT false,
	state text NOT NULL DEFAULT 'planned'
		CHECK (state IN ('planned', 'queued', 'running', 'retrying', 'success', 'skipped', 'dead')),
	attempt integer NOT NULL DEFAULT 1,  -- the one that runs, or will run next
	starts integer NOT NULL DEFAULT 0,   -- how often a worker began it, crashed ones included
	worker text,
	created_at timestamptz NOT NULL DEFAULT now(),
	published_at timestamptz,
	started_at timestamptz,
	finished_at timestamptz,             -- of the last attempt that ended
	retry_at timestamptz,                -- while retrying: not before
	message text,
	records_processed integer,
	error_class text,
	error_details text,
	api_calls integer,
	CONSTRAINT unique_job UNIQUE (account_id, job_type, snapshot_date, generation)
) WITH (fillfactor = 60);

CREATE INDEX sync_jobs_run_idx ON sync_jobs (run_id);
-- What a producer still has to publish. No other update of a job touches an indexed column.
CREATE INDEX sync_jobs_unpublished_idx ON sync_jobs (job_type, snapshot_date, account_id, generation)
	WHERE published_at IS NULL;
