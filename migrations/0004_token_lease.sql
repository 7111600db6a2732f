-- TikTok rotates refresh tokens: of two refreshes at once, one loses the account. The lease lets one worker of the
-- whole fleet refresh at a time; token_version counts the rotations, so that a pair is saved only over the pair it
-- replaces; refresh_intent_at is set before TikTok is called and cleared when the new pair is saved: set without a
-- living lease, it says that a rotation may have been lost.

ALTER TABLE store_accounts
	ADD COLUMN token_version bigint NOT NULL DEFAULT 0,
	ADD COLUMN refresh_lease_owner text,
	ADD COLUMN refresh_lease_until timestamptz,
	ADD COLUMN refresh_intent_at timestamptz,
	ADD COLUMN status_reason text;

-- Every sync updates its account's row; the free space keeps those updates off the indexes (HOT).
ALTER TABLE store_accounts SET (fillfactor = 70);

-- Other programs write token cells too, and know nothing of token_version: a pair that they save counts as a rotation, so
-- that a refresh under way elsewhere cannot overwrite it, nor an old refusal mark it. Whoever merely encrypts the same
-- pair anew must leave accounts with a living lease alone: to a refresh under way it looks like a rotation.
CREATE FUNCTION count_foreign_rotation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.token_version := OLD.token_version + 1;
	NEW.refresh_lease_owner := NULL;
	NEW.refresh_lease_until := NULL;
	NEW.refresh_intent_at := NULL;
	RETURN NEW;
END
$$;
CREATE TRIGGER store_accounts_foreign_rotation BEFORE UPDATE OF encrypted_refresh_token ON store_accounts
	FOR EACH ROW
	WHEN (OLD.encrypted_refresh_token IS DISTINCT FROM NEW.encrypted_refresh_token AND OLD.token_version = NEW.token_version)
	EXECUTE FUNCTION count_foreign_rotation();
