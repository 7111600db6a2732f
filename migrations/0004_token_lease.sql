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
