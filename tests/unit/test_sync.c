/* SPDX-License-Identifier: MIT */
/*
 * Whole syncs through the pure core (worker/sync.c): the test plays the stages, says what each
 * action brought, and looks at what the core wants next. One thread, no server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "worker/sync.h"

#define NOW_US     (INT64_C(1800000000) * 1000000)
#define HOUR_US    (INT64_C(3600) * 1000000)
#define ALL_SCOPES "user.info.basic,user.info.profile,user.info.stats,video.list"

#define PROFILE                                                                                                 \
	"{\"data\":{\"user\":{\"open_id\":\"open-1\",\"display_name\":\"Shop\",\"avatar_url\":\"https://a/x\"," \
	"\"follower_count\":10,\"following_count\":2,\"likes_count\":3000000000,\"video_count\":3}},"           \
	"\"error\":{\"code\":\"ok\",\"message\":\"\",\"log_id\":\"L\"}}"
#define VIDEO(id)                                                                                  \
	"{\"id\":\"" id                                                                            \
	"\",\"create_time\":1700000000,\"title\":\"t\",\"share_url\":\"https://s/" id "?k=1\","    \
	"\"view_count\":5,\"like_count\":4,\"comment_count\":3,\"share_count\":2}"
#define PAGE(videos, cursor, more)                                                                 \
	"{\"data\":{\"videos\":[" videos "],\"cursor\":" cursor ",\"has_more\":" more "},"         \
	"\"error\":{\"code\":\"ok\",\"message\":\"\",\"log_id\":\"L\"}}"
#define REFUSAL(code)                                                                              \
	"{\"data\":{},\"error\":{\"code\":\"" code "\",\"message\":\"m\",\"log_id\":\"L\"}}"
#define NEW_TOKENS                                                                                                  \
	"{\"access_token\":\"act.new\",\"expires_in\":7200,\"open_id\":\"open-1\",\"refresh_expires_in\":15552000," \
	"\"refresh_token\":\"rft.new\",\"scope\":\"" ALL_SCOPES "\",\"token_type\":\"Bearer\"}"

static const struct sync_settings settings = {
	.app = {.api_url = "https://api.test", .client_key = "key", .client_secret = "s&cret"},
	.slice_us = 300 * INT64_C(1000000),
	.refresh_margin_us = SYNC_REFRESH_MARGIN_US,
};

/* ---- The play: what stages would say ---- */

static enum sync_action tell(struct job *job, enum outcome_kind kind)
{
	struct outcome outcome = {.kind = kind, .now_us = NOW_US};

	return sync_advance(job, &settings, &outcome);
}

static enum sync_action answer(struct job *job, int status, const char *body)
{
	struct http_reply reply = {
		.status = status, .body = body, .length = strlen(body), .retry_after_ms = -1};
	struct outcome outcome = {.kind = OUTCOME_REPLIED, .now_us = NOW_US, .reply = &reply};

	return sync_advance(job, &settings, &outcome);
}

static enum sync_action answer_nothing(struct job *job)
{
	struct http_reply reply = {.status = 0, .body = "", .retry_after_ms = -1};
	struct outcome outcome = {.kind = OUTCOME_REPLIED, .now_us = NOW_US, .reply = &reply};

	error_set(&reply.error, ERROR_NETWORK, "api.test: connection refused");
	return sync_advance(job, &settings, &outcome);
}

static enum sync_action break_down(struct job *job, enum error_class class)
{
	struct error err;
	struct outcome outcome = {.kind = OUTCOME_FAILED, .now_us = NOW_US, .error = &err};

	error_set(&err, class, "23503 fk_store");
	return sync_advance(job, &settings, &outcome);
}

static struct job *job_of(enum job_type type)
{
	struct job_message message = {.account_id = 7,
		.store_code = "s1",
		.job_type = type,
		.snapshot_date = "2026-11-22",
		.attempt = 1};

	snprintf(message.job_id, sizeof message.job_id, "11111111-1111-4111-8111-111111111111");
	snprintf(message.run_id, sizeof message.run_id, "22222222-2222-4222-8222-222222222222");
	return job_create(&message);
}

static void fill_account(struct job *job)
{
	struct account *account = &job->account;

	account_finish(account);
	account->exists = true;
	snprintf(account->store_code, sizeof account->store_code, "s1");
	snprintf(account->open_id, sizeof account->open_id, "open-1");
	snprintf(account->status, sizeof account->status, "CONNECTED");
	account->scope = memory_copy_text(ALL_SCOPES);
	account->access_token = memory_copy_text("act.old");
	account->refresh_token = memory_copy_text("rft.old");
	account->access_expires_us = NOW_US + HOUR_US;
	account->token_version = 3;
	job->claim = (struct claim){
		.known = true, .begun = true, .account_id = 7, .attempt = job->message.attempt};
}

static struct job *claimed_job(enum job_type type)
{
	struct job *job = job_of(type);

	assert_int_equal(tell(job, OUTCOME_STARTED), SYNC_CLAIM);
	fill_account(job);
	return job;
}

/* Everything from SAVE_ROWS on goes well. */
static void expect_end(struct job *job, enum sync_action action)
{
	assert_int_equal(action, SYNC_SAVE_ROWS);
	assert_int_equal(tell(job, OUTCOME_SAVED), SYNC_REPORT);
	assert_int_equal(tell(job, OUTCOME_REPORTED), SYNC_DONE);
}

/* TikTok works for others. */
static enum sync_action blame(struct job *job, enum sync_action action)
{
	return action == SYNC_DOUBT ? tell(job, OUTCOME_BLAMED) : action;
}

static void expect_failure(struct job *job, enum sync_action action, enum error_class class,
	enum destination destination)
{
	action = blame(job, action);
	assert_int_equal(action, SYNC_SAVE_ROWS);
	assert_int_equal(job->verdict.error_class, class);
	assert_int_equal(job->verdict.destination, destination);
	assert_int_equal(job->verdict.final, destination == TO_DEAD);
	assert_int_equal(snapshot_rows(&job->snapshot), 0);
	assert_true(*job->verdict.message && *job->verdict.error_details);
	expect_end(job, action);
}

static void assert_url_has(const struct job *job, const char *part)
{
	if (!strstr(text_string(&job->call.url), part))
		fail_msg("%s has no %s", text_string(&job->call.url), part);
}

/* ---- A good day ---- */

static void daily_sync_reads_profile_and_every_page_then_saves_once(void **state)
{
	struct job *job = claimed_job(JOB_DAILY_SYNC);
	enum sync_action action = tell(job, OUTCOME_CLAIMED);

	assert_int_equal(action, SYNC_CALL);
	assert_url_has(job,
		"https://api.test/v2/user/info/?fields=open_id,display_name,avatar_url,follower_count");
	assert_string_equal(job->call.bearer, "act.old");
	assert_int_equal(answer(job, 200, PROFILE), SYNC_CALL);
	assert_url_has(job, "/v2/video/list/?fields=id,");
	assert_string_equal(text_string(&job->call.body), "{\"max_count\":20}");
	assert_int_equal(answer(job, 200, PAGE(VIDEO("9"), "1700000009000", "true")), SYNC_CALL);
	assert_string_equal(
		text_string(&job->call.body), "{\"max_count\":20,\"cursor\":1700000009000}");
	action = answer(job, 200, PAGE(VIDEO("8") "," VIDEO("7"), "1700000007000", "false"));
	assert_int_equal(job->verdict.status, STATUS_SUCCESS);
	assert_true(job->verdict.final);
	assert_int_equal(job->verdict.completed_at_us, NOW_US);
	assert_int_equal(snapshot_rows(&job->snapshot), 4);
	assert_int_equal(job->api_calls, 3);
	expect_end(job, action);
	job_destroy(job);
}

static void job_types_call_only_what_they_are_for(void **state)
{
	struct job *user = claimed_job(JOB_USER_STATS), *videos = claimed_job(JOB_VIDEO_STATS);

	assert_int_equal(tell(user, OUTCOME_CLAIMED), SYNC_CALL);
	expect_end(user, answer(user, 200, PROFILE));
	assert_int_equal(user->api_calls, 1);
	assert_int_equal(tell(videos, OUTCOME_CLAIMED), SYNC_CALL);
	assert_url_has(videos, "/v2/video/list/");
	expect_end(videos, answer(videos, 200, PAGE("", "0", "false")));
	assert_false(videos->snapshot.profile.read);
	job_destroy(user);
	job_destroy(videos);
}

static void counters_that_are_not_sent_stay_unknown(void **state)
{
	struct job *job = claimed_job(JOB_VIDEO_STATS);

	tell(job, OUTCOME_CLAIMED);
	answer(job, 200, PAGE("{\"id\":\"1\",\"view_count\":null,\"like_count\":0}", "1", "false"));
	assert_int_equal(job->snapshot.video_count, 1);
	assert_false(job->snapshot.videos[0].view_count.known);
	assert_false(job->snapshot.videos[0].share_count.known);
	assert_true(job->snapshot.videos[0].like_count.known);
	assert_null(snapshot_text(&job->snapshot, job->snapshot.videos[0].description));
	job_destroy(job);
}

static void share_url_loses_the_query_with_the_client_key(void **state)
{
	struct job *job = claimed_job(JOB_VIDEO_STATS);

	tell(job, OUTCOME_CLAIMED);
	answer(job, 200, PAGE(VIDEO("42"), "1", "false"));
	assert_string_equal(
		snapshot_text(&job->snapshot, job->snapshot.videos[0].share_url), "https://s/42");
	job_destroy(job);
}

static void description_falls_back_to_the_title(void **state)
{
	struct job *job = claimed_job(JOB_VIDEO_STATS);
	const struct snapshot *snapshot = &job->snapshot;

	tell(job, OUTCOME_CLAIMED);
	answer(job, 200,
		PAGE("{\"id\":\"1\",\"title\":\"t\"},{\"id\":\"2\",\"title\":\"t\",\"video_description\":\"\"}",
			"1", "false"));
	assert_string_equal(snapshot_text(snapshot, snapshot->videos[0].description), "t");
	assert_string_equal(snapshot_text(snapshot, snapshot->videos[1].description), "");
	job_destroy(job);
}

static void a_video_on_two_pages_counts_once(void **state)
{
	struct job *job = claimed_job(JOB_VIDEO_STATS);

	tell(job, OUTCOME_CLAIMED);
	answer(job, 200, PAGE(VIDEO("2") "," VIDEO("1"), "2000", "true"));
	answer(job, 200, PAGE(VIDEO("1") "," VIDEO("0"), "1000", "false"));
	assert_int_equal(job->snapshot.video_count, 3);
	job_destroy(job);
}

/* ---- Scopes ---- */

static void only_granted_fields_are_asked_for(void **state)
{
	struct job *job = claimed_job(JOB_DAILY_SYNC);

	free(job->account.scope);
	job->account.scope = memory_copy_text("user.info.basic");
	assert_int_equal(tell(job, OUTCOME_CLAIMED), SYNC_CALL);
	assert_null(strstr(text_string(&job->call.url), "follower_count"));
	expect_end(job, answer(job, 200, "{\"data\":{\"user\":{\"display_name\":\"x\"}}}"));
	assert_non_null(strstr(job->verdict.message, "video.list is not granted"));
	assert_false(job->snapshot.profile.follower_count.known);
	job_destroy(job);
}

static void without_any_useful_scope_the_job_dies_with_that_class(void **state)
{
	struct job *job = claimed_job(JOB_VIDEO_STATS);

	free(job->account.scope);
	job->account.scope = memory_copy_text("user.info.basic,video.listing");
	expect_failure(job, tell(job, OUTCOME_CLAIMED), ERROR_SCOPE, TO_DEAD);
	assert_int_equal(job->api_calls, 0);
	job_destroy(job);
}

static void scope_errors_never_refresh(void **state)
{
	struct job *job = claimed_job(JOB_USER_STATS);

	tell(job, OUTCOME_CLAIMED);
	expect_failure(
		job, answer(job, 401, REFUSAL("scope_not_authorized")), ERROR_SCOPE, TO_DEAD);
	job_destroy(job);
}

/* ---- Claims ---- */

static void accounts_that_are_not_connected_are_skipped_with_the_reason(void **state)
{
	static const char *const statuses[] = {"DISABLED", "NEED_RECONNECT"};

	for (int i = 0; i < 2; i++) {
		struct job *job = claimed_job(JOB_DAILY_SYNC);
		enum sync_action action;

		snprintf(job->account.status, sizeof job->account.status, "%s", statuses[i]);
		job->account.status_reason = memory_copy_text("merchant left");
		action = tell(job, OUTCOME_CLAIMED);
		assert_int_equal(job->verdict.status, STATUS_SKIPPED);
		assert_non_null(strstr(job->verdict.message, statuses[i]));
		assert_non_null(strstr(job->verdict.message, "merchant left"));
		expect_end(job, action);
		assert_int_equal(job->api_calls, 0);
		job_destroy(job);
	}
}

static void redelivered_finished_job_costs_no_call_and_says_the_same_again(void **state)
{
	struct job *job = claimed_job(JOB_DAILY_SYNC);
	struct result_message result;

	job->claim = (struct claim){.known = true,
		.account_id = 7,
		.state = "success",
		.attempt = 1,
		.message = "profile and 60 videos",
		.records_processed = 61,
		.api_calls = 4,
		.started_at_us = 5,
		.finished_at_us = 6};
	assert_int_equal(tell(job, OUTCOME_CLAIMED), SYNC_REPORT);
	job_result(job, "w", &result);
	assert_int_equal(result.status, STATUS_SUCCESS);
	assert_int_equal(result.records_processed, 61);
	assert_int_equal(result.api_calls, 4);
	assert_int_equal(result.started_at_us, 5);
	assert_int_equal(result.completed_at_us, 6);
	assert_int_equal(job->verdict.destination, TO_NOWHERE);
	job_destroy(job);
}

static void redelivered_failed_attempt_publishes_its_retry_again(void **state)
{
	struct job *job = claimed_job(JOB_DAILY_SYNC);

	job->claim = (struct claim){.known = true,
		.account_id = 7,
		.state = "retrying",
		.attempt = 2,
		.error_class = "server"};
	assert_int_equal(tell(job, OUTCOME_CLAIMED), SYNC_REPORT);
	assert_int_equal(job->verdict.destination, TO_RETRY);
	assert_int_equal(job->verdict.next_attempt, 2);
	assert_false(job->verdict.final);
	job_destroy(job);
}

static void redelivered_dead_job_goes_to_the_dead_letters_again(void **state)
{
	struct job *job = claimed_job(JOB_DAILY_SYNC);

	job->claim = (struct claim){.known = true,
		.account_id = 7,
		.state = "dead",
		.attempt = 1,
		.error_class = "scope"};
	assert_int_equal(tell(job, OUTCOME_CLAIMED), SYNC_REPORT);
	assert_int_equal(job->verdict.destination, TO_DEAD);
	assert_int_equal(job->verdict.error_class, ERROR_SCOPE);
	job_destroy(job);
}

static void messages_that_lie_about_their_account_die(void **state)
{
	struct job *gone = claimed_job(JOB_DAILY_SYNC), *moved = claimed_job(JOB_DAILY_SYNC);

	gone->account.exists = false;
	expect_failure(gone, tell(gone, OUTCOME_CLAIMED), ERROR_BAD_MESSAGE, TO_DEAD);
	snprintf(moved->account.store_code, sizeof moved->account.store_code, "s2");
	expect_failure(moved, tell(moved, OUTCOME_CLAIMED), ERROR_BAD_MESSAGE, TO_DEAD);
	job_destroy(gone);
	job_destroy(moved);
}

/* The row and the log of the job whose id it carries stay as they are. */
static void a_message_with_the_job_id_of_another_account_ends_no_other_job(void **state)
{
	struct job *job = claimed_job(JOB_DAILY_SYNC);

	job->claim.account_id = 8;
	job->claim.begun = false;
	assert_int_equal(tell(job, OUTCOME_CLAIMED), SYNC_REPORT);
	assert_int_equal(job->verdict.destination, TO_DEAD);
	assert_true(job->impostor);
	job_destroy(job);
}

static void an_attempt_that_a_later_one_has_overtaken_is_only_settled(void **state)
{
	static const char *const states[] = {"running", "success", "dead", "retrying"};

	for (int i = 0; i < 4; i++) {
		struct job *job = claimed_job(JOB_DAILY_SYNC);

		job->claim = (struct claim){.known = true, .account_id = 7, .attempt = 3};
		snprintf(job->claim.state, sizeof job->claim.state, "%s", states[i]);
		assert_int_equal(tell(job, OUTCOME_CLAIMED), SYNC_DONE);
		job_destroy(job);
	}
}

/* An attempt that two workers made, and only one of them ended, may have sent one on in vain. */
static void an_attempt_after_the_one_that_ended_the_job_is_only_settled(void **state)
{
	static const char *const states[] = {"success", "dead", "skipped"};

	for (int i = 0; i < 3; i++) {
		struct job *job = claimed_job(JOB_DAILY_SYNC);

		job->message.attempt = 2;
		job->claim = (struct claim){.known = true, .account_id = 7, .attempt = 1};
		snprintf(job->claim.state, sizeof job->claim.state, "%s", states[i]);
		assert_int_equal(tell(job, OUTCOME_CLAIMED), SYNC_DONE);
		job_destroy(job);
	}
}

static void an_attempt_that_somebody_else_ended_is_told_in_the_words_of_the_manifest(void **state)
{
	struct job *job = claimed_job(JOB_USER_STATS);

	tell(job, OUTCOME_CLAIMED);
	assert_int_equal(answer(job, 200, PROFILE), SYNC_SAVE_ROWS);
	assert_int_equal(tell(job, OUTCOME_OVERTAKEN), SYNC_CLAIM);
	job->claim = (struct claim){.known = true,
		.account_id = 7,
		.state = "dead",
		.attempt = 1,
		.error_class = "scope"};
	assert_int_equal(tell(job, OUTCOME_CLAIMED), SYNC_REPORT);
	assert_int_equal(job->verdict.destination, TO_DEAD);
	assert_int_equal(job->verdict.status, STATUS_FAILED);
	job_destroy(job);
}

/* RabbitMQ counts innocents: whoever comes so often gets a new message before it is condemned. */
static void a_message_that_was_delivered_very_often_is_published_anew(void **state)
{
	struct job *job = job_of(JOB_DAILY_SYNC);

	job->deliveries = 20;
	assert_int_equal(tell(job, OUTCOME_STARTED), SYNC_REPORT);
	assert_int_equal(job->verdict.destination, TO_SAME_QUEUE);
	assert_int_equal(tell(job, OUTCOME_REPORTED), SYNC_DONE);
	job_destroy(job);
}

static void tokens_that_cannot_be_opened_fail_the_attempt(void **state)
{
	struct job *job = claimed_job(JOB_DAILY_SYNC);

	error_set(&job->account.token_fault, ERROR_INTERNAL, "no key with id 12345678");
	expect_failure(job, tell(job, OUTCOME_CLAIMED), ERROR_INTERNAL, TO_RETRY);
	job_destroy(job);
}

/* ---- Tokens ---- */

static struct job *job_with_expiring_token(enum job_type type)
{
	struct job *job = claimed_job(type);

	job->account.access_expires_us = NOW_US + SYNC_REFRESH_MARGIN_US - 1;
	assert_int_equal(tell(job, OUTCOME_CLAIMED), SYNC_LEASE);
	return job;
}

static void expiring_token_is_saved_before_its_first_use(void **state)
{
	struct job *job = job_with_expiring_token(JOB_USER_STATS);

	assert_int_equal(tell(job, OUTCOME_LEASED), SYNC_CALL);
	assert_url_has(job, "https://api.test/v2/oauth/token/");
	assert_null(job->call.bearer);
	assert_string_equal(text_string(&job->call.body),
		"client_key=key&client_secret=s%26cret&grant_type=refresh_token&refresh_token=rft.old");
	assert_int_equal(answer(job, 200, NEW_TOKENS), SYNC_SAVE_TOKEN);
	assert_string_equal(job->new_tokens.access_token, "act.new");
	assert_string_equal(job->new_tokens.refresh_token, "rft.new");
	assert_int_equal(job->new_tokens.expires_in_s, 7200);
	assert_int_equal(tell(job, OUTCOME_TOKEN_SAVED), SYNC_CALL);
	assert_string_equal(job->call.bearer, "act.new");
	expect_end(job, answer(job, 200, PROFILE));
	assert_int_equal(job->api_calls, 2);
	job_destroy(job);
}

static void token_refresh_job_only_refreshes(void **state)
{
	struct job *job = claimed_job(JOB_TOKEN_REFRESH);

	assert_int_equal(tell(job, OUTCOME_CLAIMED), SYNC_LEASE);
	assert_int_equal(tell(job, OUTCOME_LEASED), SYNC_CALL);
	assert_int_equal(answer(job, 200, NEW_TOKENS), SYNC_SAVE_TOKEN);
	expect_end(job, tell(job, OUTCOME_TOKEN_SAVED));
	assert_int_equal(job->verdict.status, STATUS_SUCCESS);
	assert_int_equal(snapshot_rows(&job->snapshot), 0);
	job_destroy(job);
}

static void a_pair_that_somebody_else_saved_is_adopted(void **state)
{
	struct job *job = job_with_expiring_token(JOB_USER_STATS);

	assert_int_equal(tell(job, OUTCOME_LEASE_BUSY), SYNC_LEASE);
	assert_true(job->wait_ms > 0);
	fill_account(job);
	free(job->account.access_token);
	job->account.access_token = memory_copy_text("act.sibling");
	assert_int_equal(tell(job, OUTCOME_TOKEN_CHANGED), SYNC_CALL);
	assert_string_equal(job->call.bearer, "act.sibling");
	assert_url_has(job, "/v2/user/info/");
	job_destroy(job);
}

static void account_that_is_lost_while_its_lease_is_awaited_is_skipped(void **state)
{
	struct job *job = job_with_expiring_token(JOB_USER_STATS);

	snprintf(job->account.status, sizeof job->account.status, "NEED_RECONNECT");
	expect_end(job, tell(job, OUTCOME_LEASE_BUSY));
	assert_int_equal(job->verdict.status, STATUS_SKIPPED);
	job_destroy(job);
}

static void a_lease_that_cannot_be_released_lapses(void **state)
{
	struct job *job = job_with_expiring_token(JOB_USER_STATS);

	tell(job, OUTCOME_LEASED);
	assert_int_equal(answer(job, 500, ""), SYNC_RELEASE);
	assert_int_equal(break_down(job, ERROR_INTERNAL), SYNC_DOUBT);
	expect_failure(job, tell(job, OUTCOME_BLAMED), ERROR_SERVER, TO_RETRY);
	job_destroy(job);
}

static void nonsense_lifetimes_do_not_lose_the_new_pair(void **state)
{
	struct job *job = job_with_expiring_token(JOB_USER_STATS);

	tell(job, OUTCOME_LEASED);
	assert_int_equal(answer(job, 200,
				 "{\"access_token\":\"act.new\",\"refresh_token\":\"rft.new\","
				 "\"expires_in\":9000000000000000000,\"refresh_expires_in\":-5}"),
		SYNC_SAVE_TOKEN);
	assert_true(job->new_tokens.expires_in_s > 0 && job->new_tokens.expires_in_s <= 86400);
	assert_int_equal(job->new_tokens.refresh_expires_in_s, 0);
	job_destroy(job);
}

/* Mostly a dead worker's. The job waits on the ladder, which costs no attempt. */
static void a_lease_that_does_not_end_sends_the_job_to_the_ladder_uncounted(void **state)
{
	struct job *job = job_with_expiring_token(JOB_USER_STATS);
	enum sync_action action = SYNC_LEASE;
	int waits = 0;

	for (; action == SYNC_LEASE && waits < 100; waits++)
		action = tell(job, OUTCOME_LEASE_BUSY);
	assert_in_range(waits, 3, 10);
	expect_end(job, action);
	assert_int_equal(job->verdict.destination, TO_RETRY);
	assert_int_equal(job->verdict.next_attempt, job->message.attempt);
	assert_int_equal(job->verdict.status, STATUS_RUNNING);
	assert_int_equal(job->verdict.error_class, ERROR_NONE);
	job_destroy(job);
}

static void refused_token_is_refreshed_once_and_the_call_made_again(void **state)
{
	struct job *job = claimed_job(JOB_DAILY_SYNC);

	tell(job, OUTCOME_CLAIMED);
	answer(job, 200, PROFILE);
	answer(job, 200, PAGE(VIDEO("2"), "2000", "true"));
	assert_int_equal(answer(job, 401, REFUSAL("access_token_invalid")), SYNC_LEASE);
	tell(job, OUTCOME_LEASED);
	answer(job, 200, NEW_TOKENS);
	assert_int_equal(tell(job, OUTCOME_TOKEN_SAVED), SYNC_CALL);
	assert_string_equal(text_string(&job->call.body), "{\"max_count\":20,\"cursor\":2000}");
	assert_int_equal(answer(job, 401, REFUSAL("access_token_invalid")), SYNC_SAVE_ROWS);
	assert_int_equal(job->verdict.error_class, ERROR_TOKEN_EXPIRED);
	assert_int_equal(job->verdict.destination, TO_RETRY);
	job_destroy(job);
}

/* TikTok reports OAuth errors with status 200. */
static void invalid_grant_needs_reconnect_only_after_a_second_look(void **state)
{
	struct job *job = job_with_expiring_token(JOB_USER_STATS);

	tell(job, OUTCOME_LEASED);
	assert_int_equal(
		answer(job, 200, "{\"error\":\"invalid_grant\",\"error_description\":\"x\"}"),
		SYNC_LEASE);
	assert_int_equal(tell(job, OUTCOME_LEASED), SYNC_RELEASE);
	assert_int_equal(job->verdict.effect, EFFECT_RECONNECT);
	assert_non_null(strstr(job->verdict.error_details, "revoked"));
	expect_failure(job, tell(job, OUTCOME_RELEASED), ERROR_TOKEN_REVOKED, TO_DEAD);
	job_destroy(job);
}

static void invalid_grant_after_an_interrupted_refresh_is_a_lost_rotation(void **state)
{
	struct job *job = job_with_expiring_token(JOB_USER_STATS);

	job->account.refresh_interrupted = true;
	tell(job, OUTCOME_LEASED);
	answer(job, 400, "{\"error\":\"invalid_grant\"}");
	tell(job, OUTCOME_LEASED);
	assert_non_null(strstr(job->verdict.error_details, "lost_rotation"));
	job_destroy(job);
}

static void invalid_grant_of_a_grant_that_was_not_renewed_says_that_it_expired(void **state)
{
	struct job *job = job_with_expiring_token(JOB_USER_STATS);

	job->account.refresh_expires_us = NOW_US - 1;
	tell(job, OUTCOME_LEASED);
	answer(job, 200, "{\"error\":\"invalid_grant\"}");
	tell(job, OUTCOME_LEASED);
	assert_non_null(strstr(job->verdict.error_details, "expired:"));
	job_destroy(job);
}

/* Of tokens that were issued at once, some are refreshed up to five minutes before the others. */
static void what_was_issued_at_once_is_not_due_at_once(void **state)
{
	int due = 0;

	for (int64_t id = 1; id <= 200; id++) {
		struct job *job = claimed_job(JOB_USER_STATS);

		job->message.account_id = job->claim.account_id = id;
		job->account.access_expires_us = NOW_US + SYNC_REFRESH_MARGIN_US * 5 / 4;
		due += tell(job, OUTCOME_CLAIMED) == SYNC_LEASE;
		job_destroy(job);
	}
	assert_in_range(due, 60, 140);
}

static void invalid_grant_with_a_newer_pair_stored_adopts_it(void **state)
{
	struct job *job = job_with_expiring_token(JOB_USER_STATS);

	tell(job, OUTCOME_LEASED);
	assert_int_equal(answer(job, 200, "{\"error\":\"invalid_grant\"}"), SYNC_LEASE);
	fill_account(job);
	assert_int_equal(tell(job, OUTCOME_TOKEN_CHANGED), SYNC_CALL);
	assert_false(job->holds_lease);
	job_destroy(job);
}

static void faults_of_tiktok_or_the_app_never_touch_the_account(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum error_class class;
	} faults[] = {
		{500, "", ERROR_SERVER},
		{200, "{\"error\":\"temporarily_unavailable\"}", ERROR_SERVER},
		{200, "{\"error\":\"invalid_client\"}", ERROR_APP_REFUSED},
		{401, "{\"error\":\"invalid_client\"}", ERROR_APP_REFUSED},
		{401, "nonsense", ERROR_APP_REFUSED},
		{429, "", ERROR_RATE_LIMITED},
		{200, "", ERROR_BAD_REPLY},
		{200, "{}", ERROR_BAD_REPLY},
	};

	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		struct job *job = job_with_expiring_token(JOB_USER_STATS);

		tell(job, OUTCOME_LEASED);
		assert_int_equal(answer(job, faults[i].status, faults[i].body), SYNC_RELEASE);
		assert_int_equal(blame(job, tell(job, OUTCOME_RELEASED)), SYNC_SAVE_ROWS);
		assert_int_equal(job->verdict.error_class, faults[i].class);
		assert_int_equal(job->verdict.effect, EFFECT_NONE);
		job_destroy(job);
	}
}

/* The answer of the first call was lost: TikTok may have replaced the token then. */
static void a_refresh_that_failed_in_an_outage_is_made_again_under_a_new_lease(void **state)
{
	struct job *job = job_with_expiring_token(JOB_USER_STATS);

	tell(job, OUTCOME_LEASED);
	assert_int_equal(answer_nothing(job), SYNC_RELEASE);
	assert_true(job->rotation_unknown);
	assert_int_equal(tell(job, OUTCOME_RELEASED), SYNC_DOUBT);
	assert_false(job->holds_lease);
	assert_int_equal(tell(job, OUTCOME_EXCUSED), SYNC_LEASE);
	assert_int_equal(tell(job, OUTCOME_LEASED), SYNC_CALL);
	assert_int_equal(answer(job, 200, "{\"error\":\"invalid_grant\"}"), SYNC_LEASE);
	assert_int_equal(tell(job, OUTCOME_LEASED), SYNC_RELEASE);
	assert_non_null(strstr(job->verdict.error_details, "lost_rotation"));
	job_destroy(job);
}

static void a_refresh_that_had_to_wait_renews_its_lease_first(void **state)
{
	struct job *job = job_with_expiring_token(JOB_USER_STATS);

	assert_int_equal(tell(job, OUTCOME_LEASED), SYNC_CALL);
	assert_int_equal(tell(job, OUTCOME_LEASE_AGED), SYNC_RELEASE);
	assert_int_equal(tell(job, OUTCOME_RELEASED), SYNC_LEASE);
	assert_true(job->wait_ms > 0 && sync_may_stop_before(job, SYNC_LEASE));
	assert_int_equal(tell(job, OUTCOME_LEASED), SYNC_CALL);
	assert_url_has(job, "/v2/oauth/token/");
	assert_int_equal(answer(job, 200, NEW_TOKENS), SYNC_SAVE_TOKEN);
	job_destroy(job);
}

static void a_refresh_that_has_begun_is_not_interrupted_by_the_drain(void **state)
{
	struct job *job = job_with_expiring_token(JOB_USER_STATS);

	assert_true(sync_may_stop_before(job, SYNC_LEASE));
	assert_int_equal(tell(job, OUTCOME_LEASED), SYNC_CALL);
	assert_false(sync_may_stop_before(job, SYNC_CALL));
	assert_int_equal(answer(job, 200, NEW_TOKENS), SYNC_SAVE_TOKEN);
	assert_false(sync_may_stop_before(job, SYNC_SAVE_TOKEN));
	assert_int_equal(tell(job, OUTCOME_TOKEN_SAVED), SYNC_CALL);
	assert_true(sync_may_stop_before(job, SYNC_CALL));
	job_destroy(job);
}

/* ---- Odd replies ---- */

static void absent_and_empty_lists_of_videos_are_no_error(void **state)
{
	static const char *const pages[] = {PAGE("", "0", "false"),
		"{\"data\":{\"has_more\":false}}",
		"{\"data\":{\"videos\":null,\"cursor\":0,\"has_more\":false}}", "{\"data\":{}}"};

	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		struct job *job = claimed_job(JOB_VIDEO_STATS);

		tell(job, OUTCOME_CLAIMED);
		expect_end(job, answer(job, 200, pages[i]));
		assert_int_equal(job->verdict.status, STATUS_SUCCESS);
		job_destroy(job);
	}
}

static void huge_counters_saturate(void **state)
{
	struct job *job = claimed_job(JOB_VIDEO_STATS);

	tell(job, OUTCOME_CLAIMED);
	answer(job, 200, PAGE("{\"id\":\"1\",\"view_count\":99999999999999999999}", "1", "false"));
	assert_true(job->snapshot.videos[0].view_count.value == INT64_MAX);
	job_destroy(job);
}

static void empty_page_with_more_to_come_goes_on(void **state)
{
	struct job *job = claimed_job(JOB_VIDEO_STATS);

	tell(job, OUTCOME_CLAIMED);
	assert_int_equal(answer(job, 200, PAGE(VIDEO("9"), "9000", "true")), SYNC_CALL);
	assert_int_equal(answer(job, 200, PAGE("", "8000", "true")), SYNC_CALL);
	assert_int_equal(answer(job, 200, PAGE("", "8000", "true")), SYNC_CALL);
	assert_int_equal(answer(job, 200, PAGE(VIDEO("7"), "7000", "false")), SYNC_SAVE_ROWS);
	assert_int_equal(job->snapshot.video_count, 2);
	assert_false(job->paging.cut);
	job_destroy(job);
}

static void cursor_that_stands_still_ends_the_list_with_a_warning(void **state)
{
	struct job *job = claimed_job(JOB_VIDEO_STATS);
	enum sync_action action = tell(job, OUTCOME_CLAIMED);
	int calls = 0;

	for (; action == SYNC_CALL && calls < 100; calls++)
		action = answer(job, 200, PAGE(VIDEO("9"), "9000", "true"));
	assert_int_equal(calls, 3);
	assert_non_null(strstr(job->verdict.message, "did not come to an end"));
	expect_end(job, action);
	job_destroy(job);
}

/* ---- Failures ---- */

/* An outage is no failed attempt. */
static void a_call_that_failed_for_everybody_is_made_again(void **state)
{
	struct job *job = claimed_job(JOB_DAILY_SYNC);

	tell(job, OUTCOME_CLAIMED);
	assert_int_equal(answer_nothing(job), SYNC_DOUBT);
	assert_true(sync_may_stop_before(job, SYNC_DOUBT));
	assert_int_equal(tell(job, OUTCOME_EXCUSED), SYNC_CALL);
	assert_url_has(job, "/v2/user/info/");
	answer(job, 200, PROFILE);
	answer(job, 200, PAGE(VIDEO("2"), "2000", "true"));
	assert_int_equal(answer(job, 502, "<html>"), SYNC_DOUBT);
	assert_int_equal(tell(job, OUTCOME_EXCUSED), SYNC_CALL);
	assert_string_equal(text_string(&job->call.body), "{\"max_count\":20,\"cursor\":2000}");
	expect_end(job, answer(job, 200, PAGE(VIDEO("1"), "1000", "false")));
	assert_int_equal(job->verdict.status, STATUS_SUCCESS);
	assert_int_equal(job_records(job), 3);
	job_destroy(job);
}

static enum retry_rung rung_of_failure(struct job *job, int attempt)
{
	job->message.attempt = attempt;
	job_attempt_id(job->message.job_id, attempt, job->attempt_id);
	tell(job, OUTCOME_CLAIMED);
	assert_int_equal(blame(job, answer(job, 500, "")), SYNC_SAVE_ROWS);
	return job->verdict.rung;
}

/* Jobs that failed together must not come back together. */
static void retries_are_spread_over_the_rungs_climbed_so_far(void **state)
{
	int drawn[6][RUNGS] = {{0}};

	for (int i = 0; i < 400; i++) {
		struct job *job = claimed_job(JOB_USER_STATS), *again;
		int attempt = 1 + i % 4;
		enum retry_rung rung;

		snprintf(job->message.job_id, sizeof job->message.job_id,
			"11111111-1111-4111-8111-%012d", i);
		again = claimed_job(JOB_USER_STATS);
		memcpy(again->message.job_id, job->message.job_id, sizeof job->message.job_id);
		rung = rung_of_failure(job, attempt);
		assert_int_equal(rung_of_failure(again, attempt), rung);
		assert_true((int)rung < attempt);
		drawn[attempt][rung]++;
		job_destroy(job);
		job_destroy(again);
	}
	for (int attempt = 1; attempt <= 4; attempt++)
		for (int rung = 0; rung < attempt; rung++)
			assert_in_range(drawn[attempt][rung], 50 / attempt, 200 / attempt);
}

static void network_failures_climb_the_ladder_and_die_at_the_end(void **state)
{
	for (int attempt = 1; attempt <= 5; attempt++) {
		struct job *job = claimed_job(JOB_USER_STATS);
		enum sync_action action;

		job->message.attempt = attempt;
		tell(job, OUTCOME_CLAIMED);
		action = answer_nothing(job);
		expect_failure(job, action, ERROR_NETWORK, attempt < 5 ? TO_RETRY : TO_DEAD);
		if (attempt < 5)
			assert_int_equal(job->verdict.next_attempt, attempt + 1);
		assert_int_equal(job->verdict.effect, attempt < 5 ? EFFECT_NONE : EFFECT_FAILURE);
		job_destroy(job);
	}
}

static void waiting_for_quota_costs_no_attempt(void **state)
{
	struct job *job = claimed_job(JOB_USER_STATS);
	enum sync_action action = tell(job, OUTCOME_CLAIMED);
	int64_t waited_ms = 0;

	for (int calls = 0; action == SYNC_CALL && calls < 100; calls++) {
		action = answer(job, 429, REFUSAL("rate_limit_exceeded"));
		waited_ms += job->wait_ms;
	}
	assert_true(waited_ms > 60000);
	assert_int_equal(action, SYNC_SAVE_ROWS);
	assert_int_equal(job->verdict.destination, TO_RETRY);
	assert_int_equal(job->verdict.next_attempt, job->message.attempt);
	assert_int_equal(job->verdict.status, STATUS_RUNNING);
	job_destroy(job);
}

static void quota_that_comes_back_lets_the_job_go_on(void **state)
{
	struct job *job = claimed_job(JOB_USER_STATS);

	tell(job, OUTCOME_CLAIMED);
	assert_int_equal(answer(job, 429, ""), SYNC_CALL);
	assert_true(job->wait_ms > 0);
	expect_end(job, answer(job, 200, PROFILE));
	assert_int_equal(job->verdict.status, STATUS_SUCCESS);
	job_destroy(job);
}

static void rows_that_postgresql_refuses_fail_the_attempt_with_its_words(void **state)
{
	struct job *job = claimed_job(JOB_USER_STATS);

	tell(job, OUTCOME_CLAIMED);
	assert_int_equal(answer(job, 200, PROFILE), SYNC_SAVE_ROWS);
	expect_failure(job, break_down(job, ERROR_INTERNAL), ERROR_INTERNAL, TO_RETRY);
	assert_non_null(strstr(job->verdict.error_details, "fk_store"));
	job_destroy(job);
}

static void a_failure_that_cannot_be_saved_is_still_reported(void **state)
{
	struct job *job = claimed_job(JOB_USER_STATS);

	tell(job, OUTCOME_CLAIMED);
	answer(job, 200, PROFILE);
	assert_int_equal(break_down(job, ERROR_INTERNAL), SYNC_SAVE_ROWS);
	assert_int_equal(break_down(job, ERROR_INTERNAL), SYNC_REPORT);
	assert_int_equal(job->verdict.destination, TO_RETRY);
	job_destroy(job);
}

/* ---- Big accounts ---- */

static enum sync_action read_pages(struct job *job, enum sync_action action, int pages)
{
	for (int i = 0; i < pages; i++) {
		char page[600], id[16];
		long long cursor =
			9000000 - 1000 * (i + 1) - 1000000LL * job->message.progress.slice;

		assert_int_equal(action, SYNC_CALL);
		snprintf(id, sizeof id, "%d", job->message.progress.slice * 100 + i);
		snprintf(page, sizeof page, PAGE("{\"id\":\"%s\"}", "%lld", "true"), id, cursor);
		action = answer(job, 200, page);
	}
	return action;
}

static void a_big_account_goes_on_as_another_message_after_a_slice(void **state)
{
	struct job *job = claimed_job(JOB_DAILY_SYNC);
	struct job *next;

	tell(job, OUTCOME_CLAIMED);
	expect_end(job, read_pages(job, answer(job, 200, PROFILE), SLICE_PAGES));
	assert_int_equal(job->verdict.destination, TO_NEXT_SLICE);
	assert_int_equal(job->verdict.status, STATUS_RUNNING);
	assert_false(job->verdict.final);
	assert_int_equal(job->verdict.progress.slice, 1);
	assert_int_equal(job->verdict.progress.cursor, 9000000 - 1000 * SLICE_PAGES);
	assert_int_equal(job->verdict.progress.videos, SLICE_PAGES);
	assert_true(job->verdict.progress.profile);
	assert_int_equal(job->verdict.progress.api_calls, SLICE_PAGES + 1);

	/* The next slice reads no profile, and begins where the first one ended. */
	next = job_of(JOB_DAILY_SYNC);
	next->message.progress = job->verdict.progress;
	tell(next, OUTCOME_STARTED);
	fill_account(next);
	assert_int_equal(tell(next, OUTCOME_CLAIMED), SYNC_CALL);
	assert_url_has(next, "/v2/video/list/");
	assert_non_null(strstr(text_string(&next->call.body), "\"cursor\":8990000"));
	expect_end(next, answer(next, 200, PAGE(VIDEO("7"), "1", "false")));
	assert_int_equal(next->verdict.status, STATUS_SUCCESS);
	assert_string_equal(next->verdict.message, "profile and 11 videos");
	assert_int_equal(job_records(next), SLICE_PAGES + 2);
	assert_int_equal(job_api_calls(next), SLICE_PAGES + 2);
	job_destroy(job);
	job_destroy(next);
}

/* The quota is small: what was read is saved before the job is held for too long. */
static void a_slice_that_takes_long_ends_early(void **state)
{
	struct job *job = claimed_job(JOB_VIDEO_STATS);

	tell(job, OUTCOME_CLAIMED);
	job->started_at_us = NOW_US - settings.slice_us;
	expect_end(job, answer(job, 200, PAGE(VIDEO("9"), "9000", "true")));
	assert_int_equal(job->verdict.destination, TO_NEXT_SLICE);
	assert_int_equal(job->verdict.progress.cursor, 9000);
	job_destroy(job);
}

/* A data call has no business with the grant: it is looked at by a refresh, once. */
static void invalid_grant_from_a_data_call_refreshes_first(void **state)
{
	struct job *job = claimed_job(JOB_USER_STATS);

	tell(job, OUTCOME_CLAIMED);
	assert_int_equal(answer(job, 401, REFUSAL("invalid_grant")), SYNC_LEASE);
	job_destroy(job);
}

static struct job *repeated_slice(const char *claimed_state, int claimed_slice)
{
	struct job *job = claimed_job(JOB_DAILY_SYNC);

	job->claim = (struct claim){.known = true,
		.account_id = 7,
		.attempt = 1,
		.slice = claimed_slice,
		.cursor = 5000,
		.records_processed = 201,
		.api_calls = 11};
	snprintf(job->claim.state, sizeof job->claim.state, "%s", claimed_state);
	return job;
}

static void a_slice_that_ended_before_tells_its_successor_again(void **state)
{
	struct job *job = repeated_slice("queued", 1);

	assert_int_equal(tell(job, OUTCOME_CLAIMED), SYNC_REPORT);
	assert_int_equal(job->verdict.destination, TO_NEXT_SLICE);
	assert_int_equal(job->verdict.progress.slice, 1);
	assert_int_equal(job->verdict.progress.cursor, 5000);
	assert_int_equal(job->verdict.progress.videos, 200);
	assert_true(job->verdict.progress.profile);
	assert_int_equal(job->verdict.progress.api_calls, 11);
	job_destroy(job);
}

static void a_slice_whose_successor_has_begun_is_only_settled(void **state)
{
	static const char *const states[] = {"running", "success", "queued"};

	for (int i = 0; i < 3; i++) {
		struct job *job = repeated_slice(states[i], i == 2 ? 2 : 1);

		assert_int_equal(tell(job, OUTCOME_CLAIMED), SYNC_DONE);
		job_destroy(job);
	}
}

/* ---- Jobs that crash their worker ---- */

static struct job *suspect(void)
{
	struct job *job = claimed_job(JOB_DAILY_SYNC);

	job->claim = (struct claim){.known = true,
		.suspect = true,
		.account_id = 7,
		.state = "running",
		.attempt = 1,
		.crashes = 3};
	assert_int_equal(tell(job, OUTCOME_CLAIMED), SYNC_ISOLATE);
	return job;
}

static void a_suspect_that_gets_through_by_itself_is_settled(void **state)
{
	struct job *job = suspect();

	assert_int_equal(tell(job, OUTCOME_ISOLATED), SYNC_DONE);
	job_destroy(job);
}

static void a_suspect_that_is_guilty_ends_in_the_dead_letters(void **state)
{
	struct job *job = suspect();

	expect_failure(job, break_down(job, ERROR_CRASH), ERROR_CRASH, TO_DEAD);
	assert_int_equal(job->verdict.effect, EFFECT_FAILURE);
	job_destroy(job);
}

/* What RabbitMQ would take away goes back by itself, but for a token that exists nowhere else. */
static void a_recalled_job_goes_back_unless_it_holds_a_token(void **state)
{
	struct job *job = job_with_expiring_token(JOB_USER_STATS);

	assert_true(sync_may_be_recalled_before(job, SYNC_LEASE));
	tell(job, OUTCOME_LEASED);
	assert_false(sync_may_be_recalled_before(job, SYNC_CALL));
	answer(job, 200, NEW_TOKENS);
	assert_false(sync_may_be_recalled_before(job, SYNC_SAVE_TOKEN));
	tell(job, OUTCOME_TOKEN_SAVED);
	assert_true(sync_may_be_recalled_before(job, SYNC_CALL));
	assert_true(sync_may_be_recalled_before(job, SYNC_SAVE_ROWS));
	assert_false(sync_may_stop_before(job, SYNC_SAVE_ROWS));
	assert_true(sync_may_be_recalled_before(job, SYNC_REPORT));
	job_destroy(job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(daily_sync_reads_profile_and_every_page_then_saves_once),
		cmocka_unit_test(job_types_call_only_what_they_are_for),
		cmocka_unit_test(counters_that_are_not_sent_stay_unknown),
		cmocka_unit_test(share_url_loses_the_query_with_the_client_key),
		cmocka_unit_test(description_falls_back_to_the_title),
		cmocka_unit_test(a_video_on_two_pages_counts_once),
		cmocka_unit_test(only_granted_fields_are_asked_for),
		cmocka_unit_test(without_any_useful_scope_the_job_dies_with_that_class),
		cmocka_unit_test(scope_errors_never_refresh),
		cmocka_unit_test(accounts_that_are_not_connected_are_skipped_with_the_reason),
		cmocka_unit_test(redelivered_finished_job_costs_no_call_and_says_the_same_again),
		cmocka_unit_test(redelivered_failed_attempt_publishes_its_retry_again),
		cmocka_unit_test(redelivered_dead_job_goes_to_the_dead_letters_again),
		cmocka_unit_test(messages_that_lie_about_their_account_die),
		cmocka_unit_test(a_message_with_the_job_id_of_another_account_ends_no_other_job),
		cmocka_unit_test(an_attempt_that_a_later_one_has_overtaken_is_only_settled),
		cmocka_unit_test(an_attempt_after_the_one_that_ended_the_job_is_only_settled),
		cmocka_unit_test(
			an_attempt_that_somebody_else_ended_is_told_in_the_words_of_the_manifest),
		cmocka_unit_test(a_message_that_was_delivered_very_often_is_published_anew),
		cmocka_unit_test(tokens_that_cannot_be_opened_fail_the_attempt),
		cmocka_unit_test(expiring_token_is_saved_before_its_first_use),
		cmocka_unit_test(token_refresh_job_only_refreshes),
		cmocka_unit_test(a_pair_that_somebody_else_saved_is_adopted),
		cmocka_unit_test(account_that_is_lost_while_its_lease_is_awaited_is_skipped),
		cmocka_unit_test(a_lease_that_cannot_be_released_lapses),
		cmocka_unit_test(nonsense_lifetimes_do_not_lose_the_new_pair),
		cmocka_unit_test(a_lease_that_does_not_end_sends_the_job_to_the_ladder_uncounted),
		cmocka_unit_test(refused_token_is_refreshed_once_and_the_call_made_again),
		cmocka_unit_test(invalid_grant_needs_reconnect_only_after_a_second_look),
		cmocka_unit_test(invalid_grant_after_an_interrupted_refresh_is_a_lost_rotation),
		cmocka_unit_test(
			invalid_grant_of_a_grant_that_was_not_renewed_says_that_it_expired),
		cmocka_unit_test(what_was_issued_at_once_is_not_due_at_once),
		cmocka_unit_test(invalid_grant_with_a_newer_pair_stored_adopts_it),
		cmocka_unit_test(faults_of_tiktok_or_the_app_never_touch_the_account),
		cmocka_unit_test(
			a_refresh_that_failed_in_an_outage_is_made_again_under_a_new_lease),
		cmocka_unit_test(a_refresh_that_had_to_wait_renews_its_lease_first),
		cmocka_unit_test(a_refresh_that_has_begun_is_not_interrupted_by_the_drain),
		cmocka_unit_test(absent_and_empty_lists_of_videos_are_no_error),
		cmocka_unit_test(huge_counters_saturate),
		cmocka_unit_test(empty_page_with_more_to_come_goes_on),
		cmocka_unit_test(cursor_that_stands_still_ends_the_list_with_a_warning),
		cmocka_unit_test(a_call_that_failed_for_everybody_is_made_again),
		cmocka_unit_test(retries_are_spread_over_the_rungs_climbed_so_far),
		cmocka_unit_test(network_failures_climb_the_ladder_and_die_at_the_end),
		cmocka_unit_test(waiting_for_quota_costs_no_attempt),
		cmocka_unit_test(quota_that_comes_back_lets_the_job_go_on),
		cmocka_unit_test(rows_that_postgresql_refuses_fail_the_attempt_with_its_words),
		cmocka_unit_test(a_failure_that_cannot_be_saved_is_still_reported),
		cmocka_unit_test(a_big_account_goes_on_as_another_message_after_a_slice),
		cmocka_unit_test(a_slice_that_takes_long_ends_early),
		cmocka_unit_test(invalid_grant_from_a_data_call_refreshes_first),
		cmocka_unit_test(a_slice_that_ended_before_tells_its_successor_again),
		cmocka_unit_test(a_slice_whose_successor_has_begun_is_only_settled),
		cmocka_unit_test(a_suspect_that_gets_through_by_itself_is_settled),
		cmocka_unit_test(a_suspect_that_is_guilty_ends_in_the_dead_letters),
		cmocka_unit_test(a_recalled_job_goes_back_unless_it_holds_a_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
