-- This index has exactly the columns of unique_video_snapshot, whose own index serves every query that it could: each
-- insert paid twice. The effect is measured by `tests/run bench` and written down in tests/bench/RESULTS.md.

DROP INDEX tiktok_video_daily_store_video_date_idx;
