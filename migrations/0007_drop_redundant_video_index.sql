-- This index has exactly the columns of unique_video_snapshot, whose own index serves every query that it could: each
-- insert paid twice. Without it a job of 60 videos costs PostgreSQL about 8 to 10 % less CPU and 19 % less WAL: measured by
-- bench_index_effect, figures in tests/bench/RESULTS.md.

DROP INDEX tiktok_video_daily_store_video_date_idx;
