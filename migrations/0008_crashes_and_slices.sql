-- The attempt ledger and the story of big accounts.
--
-- A job that is begun while its row says "running" was begun before by a worker that never told its end: it died, or hung
-- and was ended. crashes counts those, so that a job which kills its workers is found, handled by itself, and put with the
-- dead letters, while jobs that only happened to be at hand go on. What a worker gives back undone is not counted.
--
-- An account with many videos is read in slices: slice counts those that are saved, cursor is where the next one goes on
-- (milliseconds, as TikTok's). records_processed and api_calls then add up over the slices.
--
-- failed_syncs counts an account's permanent failures in a row: after several its status is ERROR, until a sync succeeds.

ALTER TABLE sync_jobs
	ADD COLUMN crashes integer NOT NULL DEFAULT 0,
	ADD COLUMN slice integer NOT NULL DEFAULT 0,
	ADD COLUMN cursor bigint;

ALTER TABLE store_accounts
	ADD COLUMN failed_syncs integer NOT NULL DEFAULT 0;
