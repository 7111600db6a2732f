-- How long TikTok's access tokens live is TikTok's to decide (2 hours by its newest documentation, 24 before): with the moment of
-- issue beside that of expiry each token says it itself, and is refreshed ahead when most of its life is over.

ALTER TABLE store_accounts ADD COLUMN token_issued_at timestamptz;
-- What stands there was issued before now: unknown when. New rows come with new tokens.
ALTER TABLE store_accounts ALTER COLUMN token_issued_at SET DEFAULT now();

-- As before (0004), and a pair that another program saves was issued now, unless it says otherwise.
CREATE OR REPLACE FUNCTION count_foreign_rotation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.token_version := OLD.token_version + 1;
	NEW.refresh_lease_owner := NULL;
	NEW.refresh_lease_until := NULL;
	NEW.refresh_intent_at := NULL;
	IF NEW.token_issued_at IS NOT DISTINCT FROM OLD.token_issued_at THEN
		NEW.token_issued_at := now();
	END IF;
	RETURN NEW;
END
$$;
