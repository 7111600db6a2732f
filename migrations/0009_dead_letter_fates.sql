-- What operators do with dead letters. Every command that changes something is an action; every message that it took out of
-- the dead letters has a fate, kept with the message itself, so that nothing is lost by a mistaken discard. dead_id follows
-- from the message, hence a dead letter has one fate, however often the command is interrupted and repeated.
--
-- A repeated job is a new one, and knows the dead job that it repeats: at most one job repeats another.

CREATE TABLE operator_actions (
	action_id uuid PRIMARY KEY,
	action text NOT NULL CHECK (action IN ('retry', 'discard')),
	actor text NOT NULL,
	selection text NOT NULL,
	reason text,
	planned bigint NOT NULL,
	done bigint NOT NULL DEFAULT 0,
	started_at timestamptz NOT NULL DEFAULT now(),
	finished_at timestamptz
);

CREATE TABLE dead_letter_fates (
	dead_id uuid PRIMARY KEY,
	action_id uuid NOT NULL REFERENCES operator_actions (action_id),
	fate text NOT NULL CHECK (fate IN ('retried', 'discarded')),
	job_id uuid,                       -- of the dead job; NULL: the message is none
	new_job_id uuid,                   -- of the job that repeats it
	error_class text,
	error_text text,
	body bytea NOT NULL,
	decided_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dead_letter_fates_job_idx ON dead_letter_fates (job_id);

ALTER TABLE sync_jobs
	ADD COLUMN origin_job_id uuid CONSTRAINT unique_origin UNIQUE;
