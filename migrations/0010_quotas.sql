-- TikTok's quota is the app's, not a worker's: 600 calls to an endpoint in any 60 seconds, whoever sends them. The fleet shares
-- it through one row for each (client key, endpoint).
--
-- The row hands out slots: moments, one step apart, at which one call may be sent. Every slot is given out once, and each lies at
-- least a step after the one before it; a step is (60 s + guard) / limit, so that any limit + 1 slots in a row span more than
-- 60 s (the argument is carried on in worker/slots.h). next_slot_at is the first slot that nobody has. It is only ever a little ahead
-- of now, a second, or seven where express jobs have drawn on their share: what a worker that dies had leased passes by unused, and needs no tidying.
--
-- One clock: this server's. A step of that clock backwards makes next_slot_at look far away; then the fleet waits until no slot that
-- was given out before lies within a window of the next one, and goes on. (A step forwards lets the slots that were leased before
-- it be sent beside new ones: as many calls too many as were leased.)
--
-- The workers tell the step. While their settings differ, as in a rolling change, the largest step of the last minute counts for all.
--
-- A 429 all the same means that somebody else uses the client key, or that TikTok allows less. Everybody pauses until paused_until:
-- for as long as TikTok asks, else 1 s, doubled while it goes on, at most a minute. The pace falls to 0.7 of what it was, and grows
-- again by 0.05 a minute until it is 1. Calls that were sent before everybody had heard of a 429 belong to the same event.

CREATE TABLE quotas (
	client_key text NOT NULL,
	endpoint text NOT NULL,
	next_slot_at timestamptz NOT NULL DEFAULT '-infinity',
	asked_step_us bigint NOT NULL DEFAULT 0,             -- by the most cautious worker of the last minute
	asked_at timestamptz NOT NULL DEFAULT '-infinity',
	reserve_at timestamptz NOT NULL DEFAULT '-infinity', -- the share of express jobs is used up until then
	paused_until timestamptz NOT NULL DEFAULT '-infinity',
	pace double precision NOT NULL DEFAULT 1,            -- as it was at limited_at
	limited_at timestamptz NOT NULL DEFAULT '-infinity',
	limited_in_a_row integer NOT NULL DEFAULT 0,         -- doubles the pause
	limited bigint NOT NULL DEFAULT 0,                   -- how often, ever
	leased bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (client_key, endpoint)
) WITH (fillfactor = 50);

-- What part of the quota is used: 1, or less since a 429.
CREATE FUNCTION quota_pace(q quotas, p_now timestamptz) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN q.pace < 1
		THEN least(1, q.pace + 0.05 * greatest(0, extract(epoch FROM p_now - q.limited_at)) / 60) ELSE 1 END
$$;

-- Lease the next slots: up to p_wanted of those within p_horizon from now; and where p_express calls of express jobs are among the
-- wanted, as many beyond the horizon as their share allows, a tenth of the quota, saved up for a minute at most. Who gets none has
-- written nothing and taken no lock: most askers of a busy fleet go away empty-handed.
--
-- Times are microseconds since 1970, paused_us is 0 unless a 429 is waited out. p_now is for tests; NULL: it is now.
CREATE FUNCTION lease_quota(p_client_key text, p_endpoint text, p_step_us bigint, p_horizon_us bigint, p_wanted integer,
	p_express integer, p_now timestamptz, OUT granted integer, OUT first_slot_us bigint, OUT step_us bigint,
	OUT paused_us bigint, OUT now_us bigint)
LANGUAGE plpgsql AS $$
DECLARE
	leap CONSTANT interval := '70 seconds';
	q quotas;
	moment timestamptz;
	step interval;
	start timestamptz;
	reserved integer;
	cautious bigint;
BEGIN
	SELECT * INTO q FROM quotas WHERE client_key = p_client_key AND endpoint = p_endpoint;
	IF NOT FOUND THEN
		INSERT INTO quotas (client_key, endpoint) VALUES (p_client_key, p_endpoint) ON CONFLICT DO NOTHING;
		SELECT * INTO STRICT q FROM quotas WHERE client_key = p_client_key AND endpoint = p_endpoint;
	END IF;
	FOR pass IN 1..2 LOOP
		moment := coalesce(p_now, clock_timestamp());
		cautious := CASE WHEN q.asked_at > moment - interval '1 minute' THEN greatest(q.asked_step_us, p_step_us) ELSE p_step_us END;
		step_us := ceil(cautious / quota_pace(q, moment));
		step := step_us * interval '1 microsecond';
		IF q.next_slot_at > moment + leap + step OR q.limited_at > moment + leap THEN
			UPDATE quotas u SET next_slot_at = least(u.next_slot_at, moment + leap), reserve_at = moment,
				paused_until = least(u.paused_until, moment + leap), limited_at = least(u.limited_at, moment)
			WHERE u.client_key = p_client_key AND u.endpoint = p_endpoint RETURNING * INTO q;
		END IF;
		start := greatest(q.next_slot_at, q.paused_until, moment);
		granted := ceil(extract(epoch FROM moment + p_horizon_us * interval '1 microsecond' - start) / extract(epoch FROM step));
		granted := least(p_wanted, greatest(0, granted));
		reserved := 0;
		IF granted < p_express AND q.paused_until <= moment THEN
			reserved := floor(extract(epoch FROM moment + interval '1 minute' - greatest(q.reserve_at, moment))
				/ extract(epoch FROM 10 * step));
			reserved := least(p_express - granted, greatest(0, reserved));
		END IF;
		granted := granted + reserved;
		EXIT WHEN granted = 0 OR pass = 2;
		SELECT * INTO STRICT q FROM quotas WHERE client_key = p_client_key AND endpoint = p_endpoint FOR UPDATE;
	END LOOP;
	IF granted > 0 THEN
		UPDATE quotas u SET next_slot_at = start + granted * step, leased = u.leased + granted, asked_step_us = cautious,
			asked_at = CASE WHEN p_step_us = cautious THEN moment ELSE u.asked_at END,
			reserve_at = CASE reserved WHEN 0 THEN u.reserve_at ELSE greatest(u.reserve_at, moment) + reserved * 10 * step END
		WHERE u.client_key = p_client_key AND u.endpoint = p_endpoint;
	END IF;
	first_slot_us := (extract(epoch FROM start) * 1000000)::int8;
	paused_us := CASE WHEN q.paused_until > moment THEN (extract(epoch FROM q.paused_until) * 1000000)::int8 ELSE 0 END;
	now_us := (extract(epoch FROM moment) * 1000000)::int8;
END
$$;

-- A call that was sent p_age ago was answered 429. p_pause: what TikTok asks for; NULL: nothing. True: it is news.
CREATE FUNCTION limit_quota(p_client_key text, p_endpoint text, p_age interval, p_pause interval, p_now timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	everybody_knows CONSTANT interval := '3 seconds';
	q quotas;
	moment timestamptz;
	in_a_row integer;
	is_news boolean;
BEGIN
	INSERT INTO quotas (client_key, endpoint) VALUES (p_client_key, p_endpoint) ON CONFLICT DO NOTHING;
	SELECT * INTO STRICT q FROM quotas WHERE client_key = p_client_key AND endpoint = p_endpoint FOR UPDATE;
	moment := coalesce(p_now, clock_timestamp());
	is_news := moment - p_age > q.limited_at + everybody_knows;
	in_a_row := CASE WHEN NOT is_news THEN q.limited_in_a_row
		WHEN moment - p_age < q.paused_until + interval '1 minute' THEN q.limited_in_a_row + 1 ELSE 1 END;
	UPDATE quotas u SET limited = u.limited + 1, limited_in_a_row = in_a_row,
		limited_at = CASE WHEN is_news THEN moment ELSE u.limited_at END,
		pace = CASE WHEN is_news THEN greatest(0.1, 0.7 * quota_pace(q, moment)) ELSE u.pace END,
		paused_until = CASE WHEN p_pause IS NOT NULL THEN greatest(u.paused_until, moment + least(p_pause, interval '1 hour'))
			WHEN is_news THEN greatest(u.paused_until, moment + least(60, 2 ^ least(in_a_row - 1, 6)) * interval '1 second')
			ELSE u.paused_until END
	WHERE u.client_key = p_client_key AND u.endpoint = p_endpoint;
	RETURN is_news;
END
$$;
