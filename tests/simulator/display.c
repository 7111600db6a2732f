/* SPDX-License-Identifier: MIT */
/*
 * Data endpoints. The server thread runs this.
 */
#include "tests/simulator/display.h"

#include "tests/simulator/fields.h"
#include "tests/simulator/listing.h"
#include "tests/simulator/scopes.h"
#include "tests/simulator/simulator.h"
#include "tests/simulator/wishes.h"

static bool limit_admits(
	struct simulator *simulator, struct call *call, enum endpoint endpoint, uint32_t account)
{
	const struct knobs *knobs = &simulator->knobs;
	size_t limit = (size_t)knobs_get(knobs, KNOB_RATE_LIMIT);
	int64_t now_ms = simulator_now_ms(simulator);
	size_t place = endpoint - ENDPOINT_USER_INFO;
	struct limit_window *window = &simulator->limits[place];
	int64_t wait_ms;

	if (knobs_get(knobs, KNOB_RATE_KEY) == RATE_KEY_TOKEN)
		window = &state_account(&simulator->state, account)->calls[place];
	if (limit == 0 || limit_window_admit(window, limit, now_ms, &wait_ms))
		return true;
	if (knobs_get(knobs, KNOB_RATE_COUNTS_REFUSED) == SWITCH_ON)
		limit_window_count(window, now_ms);
	if (knobs_get(knobs, KNOB_RETRY_AFTER) == SWITCH_ON)
		call->retry_after_s = (wait_ms + 999) / 1000;
	call_refuse_data(call, knobs, 429, "rate_limit_exceeded",
		"The API rate limit was exceeded. Please try again later.");
	return false;
}

/* The checks that come before a call is looked into. */
static bool admit(
	struct simulator *simulator, struct call *call, enum endpoint endpoint, uint32_t *account)
{
	const char *token = call_bearer(call);
	int64_t now_ms = simulator_now_ms(simulator);

	if (!token || !state_find_access(&simulator->state, token, now_ms, account)) {
		call_refuse_data(call, &simulator->knobs, 401, "access_token_invalid",
			"The access token is invalid or not found in the request.");
		return false;
	}
	return limit_admits(simulator, call, endpoint, *account);
}

static void refuse_params(struct simulator *simulator, struct call *call, const char *message)
{
	call_refuse_data(call, &simulator->knobs, 400, "invalid_params", message);
}

static bool read_fields(struct simulator *simulator, struct call *call,
	const struct field_table *table, uint32_t *wanted, unsigned *scopes)
{
	bool ignored = knobs_get(&simulator->knobs, KNOB_UNKNOWN_FIELD) == UNKNOWN_FIELD_IGNORED;

	if (fields_read(table, form_get(&call->query, "fields"),
		    ignored ? FIELD_UNKNOWN_IGNORED : FIELD_UNKNOWN_REFUSED, wanted, scopes))
		return true;
	refuse_params(simulator, call, "fields is missing, empty or names an unknown field");
	return false;
}

static bool has_scopes(
	struct simulator *simulator, struct call *call, uint32_t account, unsigned scopes)
{
	if ((state_account(&simulator->state, account)->scopes & scopes) == scopes)
		return true;
	if (knobs_get(&simulator->knobs, KNOB_MISSING_SCOPE) == MISSING_SCOPE_400)
		call_refuse_data(call, &simulator->knobs, 400, "scope_permission_missed",
			"Additional permissions are needed for some of the fields.");
	else
		call_refuse_data(call, &simulator->knobs, 401, "scope_not_authorized",
			"The user did not authorize the scope required for completing this request.");
	return false;
}

void display_answer_user_info(struct simulator *simulator, struct call *call)
{
	struct world_account user;
	uint32_t account, wanted;
	unsigned scopes;

	if (!admit(simulator, call, ENDPOINT_USER_INFO, &account) ||
		!read_fields(simulator, call, &fields_of_users, &wanted, &scopes) ||
		!has_scopes(simulator, call, account, scopes))
		return;
	state_describe_account(&simulator->state, account, &user);
	call_begin_json(call, 200);
	text_append(&call->reply, "{\"data\":{\"user\":");
	fields_write(&fields_of_users, wanted, &user, &call->reply);
	text_append(&call->reply, "}");
	call_end_data(call);
}

static void write_videos(struct simulator *simulator, uint32_t number, const uint32_t *videos,
	size_t count, uint32_t wanted, struct text *out)
{
	struct world_account account;
	struct world_video video;

	world_account(&simulator->setup.world, number, &account);
	text_append(out, "\"videos\":[");
	for (size_t i = 0; i < count; i++) {
		if (i)
			text_append_bytes(out, ",", 1);
		state_describe_video(&simulator->state, &account, videos[i], &video);
		fields_write(&fields_of_videos, wanted, &video, out);
	}
	text_append(out, "]");
}

void display_answer_video_list(struct simulator *simulator, struct call *call)
{
	struct page_wish wish;
	struct listing page;
	const char *wrong;
	uint32_t account, wanted;
	unsigned scopes;
	int64_t empty_as = knobs_get(&simulator->knobs, KNOB_NO_VIDEOS_AS);

	if (!admit(simulator, call, ENDPOINT_VIDEO_LIST, &account))
		return;
	wrong = wishes_read_page(call, &wish);
	if (!wrong && wish.max_count > LISTING_MAX_COUNT) {
		if (knobs_get(&simulator->knobs, KNOB_MAX_COUNT_ABOVE_20) == ABOVE_20_CLAMPED)
			wish.max_count = LISTING_MAX_COUNT;
		else
			wrong = "max_count is out of range";
	}
	if (wrong) {
		refuse_params(simulator, call, wrong);
		return;
	}
	if (!read_fields(simulator, call, &fields_of_videos, &wanted, &scopes) ||
		!has_scopes(simulator, call, account, scopes))
		return;

	listing_take_page(
		&simulator->state, account, wish.cursor_ms, (size_t)wish.max_count, &page);
	call_begin_json(call, 200);
	text_append(&call->reply, "{\"data\":{");
	if (page.count || empty_as == NO_VIDEOS_AS_LIST) {
		write_videos(simulator, account, page.numbers, page.count, wanted, &call->reply);
		text_append(&call->reply, ",");
	} else if (empty_as == NO_VIDEOS_AS_NULL) {
		text_append(&call->reply, "\"videos\":null,");
	}
	text_append_format(&call->reply, "\"cursor\":%lld,\"has_more\":%s}",
		(long long)page.cursor_ms, page.has_more ? "true" : "false");
	call_end_data(call);
}

/* Ids that are foreign, deleted or private are left out; one asked for twice comes once. */
static size_t find_public(struct simulator *simulator, uint32_t account,
	const struct query_wish *wish, uint32_t videos[WISHES_IDS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < wish->count; i++) {
		const struct video_change *change;
		uint32_t video;
		size_t seen = 0;

		if (!state_find_video(&simulator->state, account, wish->ids[i], &video))
			continue;
		change = state_video_change(state_account(&simulator->state, account), video);
		if (change && change->visibility != VIDEO_PUBLIC)
			continue;
		while (seen < count && videos[seen] != video)
			seen++;
		if (seen == count)
			videos[count++] = video;
	}
	return count;
}

void display_answer_video_query(struct simulator *simulator, struct call *call)
{
	struct query_wish wish;
	uint32_t videos[WISHES_IDS_MAX];
	const char *wrong;
	uint32_t account, wanted;
	unsigned scopes;
	size_t count;

	if (!admit(simulator, call, ENDPOINT_VIDEO_QUERY, &account))
		return;
	wrong = wishes_read_query(call, &wish);
	if (wrong) {
		refuse_params(simulator, call, wrong);
		return;
	}
	if (!read_fields(simulator, call, &fields_of_videos, &wanted, &scopes) ||
		!has_scopes(simulator, call, account, scopes))
		return;
	count = find_public(simulator, account, &wish, videos);
	call_begin_json(call, 200);
	text_append(&call->reply, "{\"data\":{");
	write_videos(simulator, account, videos, count, wanted, &call->reply);
	text_append(&call->reply, "}");
	call_end_data(call);
}
