-- A cell encrypted anew holds the same token: it is no rotation, though 0004's trigger takes any other cell for one. Whoever
-- re-encrypts says so for the transaction (set_config('storesync.same_tokens', 'on', true)), and then token_version, lease
-- and intent stay what they are. Why a refresh that begins, runs or ends meanwhile is not harmed stands with the statement that does
-- it: STATEMENT_KEYS_REENCRYPT.
CREATE OR REPLACE TRIGGER store_accounts_foreign_rotation BEFORE UPDATE OF encrypted_refresh_token ON store_accounts
	FOR EACH ROW
	WHEN (OLD.encrypted_refresh_token IS DISTINCT FROM NEW.encrypted_refresh_token AND OLD.token_version = NEW.token_version
		AND current_setting('storesync.same_tokens', true) IS DISTINCT FROM 'on')
	EXECUTE FUNCTION count_foreign_rotation();
