-- When the statistics were read from TikTok, so that a late duplicate of a job cannot overwrite newer figures with
-- older ones; and counters that TikTok did not send stay NULL: an absent figure is not zero.

ALTER TABLE tiktok_user_daily
	ADD COLUMN fetched_at timestamptz NOT NULL DEFAULT now(),
	ALTER COLUMN follower_count DROP DEFAULT,
	ALTER COLUMN following_count DROP DEFAULT,
	ALTER COLUMN likes_count DROP DEFAULT,
	ALTER COLUMN video_count DROP DEFAULT;

ALTER TABLE tiktok_video_daily
	ADD COLUMN fetched_at timestamptz NOT NULL DEFAULT now(),
	ALTER COLUMN view_count DROP DEFAULT,
	ALTER COLUMN like_count DROP DEFAULT,
	ALTER COLUMN comment_count DROP DEFAULT,
	ALTER COLUMN share_count DROP DEFAULT;
