-- The schema of the system that storesync replaces, as it stands there, so that its database can be taken over.

CREATE TYPE account_status AS ENUM ('CONNECTED', 'NEED_RECONNECT', 'ERROR', 'DISABLED');
CREATE TYPE sync_status AS ENUM ('SUCCESS', 'FAILED', 'SKIPPED', 'RUNNING');

CREATE TABLE stores (
	store_code varchar(50) PRIMARY KEY,
	store_name varchar(255) NOT NULL,
	pic_name varchar(255) NOT NULL,
	pic_contact varchar(255),
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE store_accounts (
	id serial PRIMARY KEY,
	store_code varchar(50) NOT NULL REFERENCES stores (store_code) ON DELETE CASCADE,
	open_id varchar(100) NOT NULL,
	display_name varchar(255),
	avatar_url text,
	encrypted_access_token text NOT NULL,
	encrypted_refresh_token text NOT NULL,
	token_expires_at timestamptz NOT NULL,
	refresh_token_expires_at timestamptz NOT NULL,
	scope text NOT NULL,
	status account_status NOT NULL DEFAULT 'CONNECTED',
	last_sync_at timestamptz,
	connected_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT unique_store_openid UNIQUE (store_code, open_id)
);
CREATE INDEX store_accounts_store_code_idx ON store_accounts (store_code);

CREATE TABLE tiktok_user_daily (
	id serial PRIMARY KEY,
	store_code varchar(50) NOT NULL REFERENCES stores (store_code) ON DELETE CASCADE,
	open_id varchar(100) NOT NULL,
	snapshot_date date NOT NULL,
	display_name varchar(255),
	avatar_url text,
	follower_count integer DEFAULT 0,
	following_count integer DEFAULT 0,
	likes_count bigint DEFAULT 0,
	video_count integer DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT unique_user_snapshot UNIQUE (store_code, open_id, snapshot_date)
);
CREATE INDEX tiktok_user_daily_store_date_idx ON tiktok_user_daily (store_code, snapshot_date);

CREATE TABLE tiktok_video_daily (
	id serial PRIMARY KEY,
	store_code varchar(50) NOT NULL REFERENCES stores (store_code) ON DELETE CASCADE,
	video_id varchar(100) NOT NULL,
	snapshot_date date NOT NULL,
	description text,
	cover_image_url text,
	share_url text,
	create_time timestamptz,
	view_count bigint DEFAULT 0,
	like_count bigint DEFAULT 0,
	comment_count integer DEFAULT 0,
	share_count integer DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT unique_video_snapshot UNIQUE (store_code, video_id, snapshot_date)
);
CREATE INDEX tiktok_video_daily_store_video_date_idx
	ON tiktok_video_daily (store_code, video_id, snapshot_date);

CREATE TABLE sync_logs (
	id serial PRIMARY KEY,
	store_code varchar(50) NOT NULL REFERENCES stores (store_code) ON DELETE CASCADE,
	job_type varchar(50) NOT NULL,
	status sync_status NOT NULL,
	message text,
	records_processed integer,
	error_details text,
	started_at timestamptz NOT NULL,
	completed_at timestamptz
);
CREATE INDEX sync_logs_store_job_idx ON sync_logs (store_code, job_type);
CREATE INDEX sync_logs_started_at_idx ON sync_logs (started_at);
