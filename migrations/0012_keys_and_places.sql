-- Two things that have nothing to do with each other.
--
-- A cell encrypted anew holds the same token: it is no rotation, though 0004's trigger takes any other cell for one. Whoever
-- re-encrypts says so for the transaction (set_config('storesync.same_tokens', 'on', true)), and then token_version, lease
-- and intent stay what they are. Why a refresh that begins, runs or ends meanwhile is not harmed stands with the statement that does
-- it: STATEMENT_KEYS_REENCRYPT.
CREATE OR REPLACE TRIGGER store_accounts_foreign_rotation BEFORE UPDATE OF encrypted_refresh_token ON store_accounts
	FOR EACH ROW
	WHEN (OLD.encrypted_refresh_token IS DISTINCT FROM NEW.encrypted_refresh_token AND OLD.token_version = NEW.token_version
		AND current_setting('storesync.same_tokens', true) IS DISTINCT FROM 'on')
	EXECUTE FUNCTION count_foreign_rotation();

-- Where in its run a job stands, from 1: a run is published in this order, the stalest accounts first, the stores in turns
-- (STATEMENT_PLAN_RUN). 0: nobody gave the job a place; such jobs go first.
ALTER TABLE sync_jobs ADD COLUMN place bigint NOT NULL DEFAULT 0;

DROP INDEX sync_jobs_unpublished_idx;
CREATE INDEX sync_jobs_unpublished_idx ON sync_jobs (job_type, snapshot_date, place, account_id, generation)
	WHERE published_at IS NULL;
