/* SPDX-License-Identifier: MIT */
/*
 * From every cause of a failure to what it does: causes (what TikTok answers, what curl, PostgreSQL
 * and readers of messages say) go through the functions that name their class, those of calls through
 * a whole sync; then every row of the table of classes (common/error.c) is held against the verdicts
 * of all its attempts. A class to which no cause leads fails the test. One thread, no server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/db_error.h"
#include "common/http_call.h"
#include "common/memory.h"
#include "worker/sync.h"
#include "worker/verdict.h"

#define NOW_US     (INT64_C(1800000000) * 1000000)
#define HOUR_US    (INT64_C(3600) * 1000000)
#define ALL_SCOPES "user.info.basic,user.info.profile,user.info.stats,video.list"

#define PROFILE "{\"data\":{\"user\":{\"open_id\":\"open-1\"}},\"error\":{\"code\":\"ok\"}}"
#define VIDEO(member)                                                                              \
	"{\"data\":{\"videos\":[" member "],\"cursor\":1,\"has_more\":false},"                     \
	"\"error\":{\"code\":\"ok\"}}"
#define TOKENS   "{\"access_token\":\"act.new\",\"refresh_token\":\"rft.new\",\"expires_in\":7200}"
#define NEW_CODE "{\"error\":{\"code\":\"a_code_of_next_year\"}}"
#define DEEP     "[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]"

static const struct sync_settings settings = {
	.app = {.api_url = "https://api.test", .client_key = "key", .client_secret = "secret"},
	.slice_us = INT64_MAX,
	.refresh_margin_us = SYNC_REFRESH_MARGIN_US,
};

/* Which classes some cause has led to. */
struct seen {
	bool class[ERROR_CLASSES];
};

/* ---- What a row says ---- */

static void expect(bool is_so, enum error_class class, int attempt, const char *claim)
{
	if (!is_so)
		fail_msg("class %s, attempt %d: %s", error_rule(class)->name, attempt, claim);
}

static void expect_retry(const struct job *job, const struct error_rule *rule)
{
	const struct verdict *verdict = &job->verdict;
	int attempt = job->message.attempt;
	enum error_class class = verdict->error_class;
	bool waits = rule->remedy == REMEDY_WAIT;
	int highest = (int)rule->first_rung + (waits ? 0 : attempt - 1);

	expect(verdict->destination == TO_RETRY, class, attempt, "goes to the ladder");
	expect(verdict->status == (waits ? STATUS_RUNNING : STATUS_FAILED), class, attempt,
		"has failed, unless it only waits");
	expect(!verdict->final, class, attempt, "is not the last one");
	expect(verdict->next_attempt == attempt + !waits, class, attempt,
		"is counted, unless it only waits");
	expect(verdict->rung >= rule->first_rung && (int)verdict->rung <= highest &&
			verdict->rung < RUNGS,
		class, attempt, "keeps to the rungs that it has climbed");
	expect(verdict->effect == EFFECT_NONE, class, attempt, "leaves the account alone");
}

static void expect_dead(const struct job *job, const struct error_rule *rule)
{
	const struct verdict *verdict = &job->verdict;
	int attempt = job->message.attempt;
	enum error_class class = verdict->error_class;

	expect(verdict->destination == TO_DEAD, class, attempt, "goes to the dead letters");
	expect(verdict->status == STATUS_FAILED, class, attempt, "has failed");
	expect(verdict->final, class, attempt, "is the last one");
	expect(verdict->effect == rule->effect, class, attempt,
		"does to the account what the row says");
}

/* The words for the operator: the class, and what to do about it or that nothing is to be done. */
static void expect_words(const struct job *job, const struct error_rule *rule)
{
	const struct verdict *verdict = &job->verdict;
	struct text words = {0};

	text_append_format(&words, "%s: %s", rule->name,
		verdict->destination == TO_DEAD ? rule->advice : "tried again later");
	assert_string_equal(verdict->message, text_string(&words));
	assert_true(*verdict->error_details);
	text_finish(&words);
}

/* The attempt of the job has ended as the row of the class says. */
static void expect_row(const struct job *job, enum error_class class)
{
	const struct error_rule *rule = error_rule(class);
	bool again = rule->remedy == REMEDY_WAIT ||
		     (rule->remedy == REMEDY_RETRY && job->message.attempt < rule->attempts);

	assert_int_equal(job->verdict.error_class, class);
	if (again)
		expect_retry(job, rule);
	else
		expect_dead(job, rule);
	expect_words(job, rule);
}

/* ---- What TikTok answers ---- */

/* A call that fails: the answer, or what there was instead of one. */
struct trouble {
	enum metric_endpoint endpoint;
	struct http_reply reply;
};

static struct job *new_job(enum metric_endpoint endpoint)
{
	struct job_message message = {.account_id = 7,
		.store_code = "s1",
		.job_type = endpoint == ENDPOINT_TOKEN ? JOB_TOKEN_REFRESH : JOB_DAILY_SYNC,
		.snapshot_date = "2026-11-22",
		.attempt = 1};
	struct job *job;
	struct account *account;

	snprintf(message.job_id, sizeof message.job_id, "11111111-1111-4111-8111-111111111111");
	job = job_create(&message);
	account = &job->account;
	account->exists = true;
	snprintf(account->store_code, sizeof account->store_code, "s1");
	snprintf(account->open_id, sizeof account->open_id, "open-1");
	snprintf(account->status, sizeof account->status, "CONNECTED");
	account->scope = memory_copy_text(ALL_SCOPES);
	account->access_token = memory_copy_text("act.old");
	account->refresh_token = memory_copy_text("rft.old");
	account->access_expires_us = NOW_US + HOUR_US;
	job->claim = (struct claim){.known = true, .begun = true, .account_id = 7, .attempt = 1};
	return job;
}

static enum sync_action tell(
	struct job *job, enum outcome_kind kind, const struct http_reply *reply)
{
	struct outcome outcome = {.kind = kind, .now_us = NOW_US, .reply = reply};

	return sync_advance(job, &settings, &outcome);
}

/* TikTok works, but for the endpoint in trouble. */
static enum sync_action call(struct job *job, const struct trouble *trouble)
{
	static const char *const bodies[ENDPOINTS] = {[ENDPOINT_USER_INFO] = PROFILE,
		[ENDPOINT_VIDEO_LIST] = VIDEO(""),
		[ENDPOINT_TOKEN] = TOKENS};
	const char *body = bodies[job->call.endpoint];
	struct http_reply good = {
		.status = 200, .body = body, .length = strlen(body), .retry_after_ms = -1};

	return tell(job, OUTCOME_REPLIED,
		job->call.endpoint == trouble->endpoint ? &trouble->reply : &good);
}

/*
 * Live the whole story of a job that meets the trouble again and again, TikTok working for others.
 * It ends when its rows, that is its failure, are to be saved. Returns whether an outage was
 * thought of.
 */
static bool live_through(struct job *job, const struct trouble *trouble)
{
	enum sync_action action = tell(job, OUTCOME_STARTED, NULL);
	bool doubted = false;

	for (int turn = 0; turn < 50 && action != SYNC_SAVE_ROWS; turn++) {
		if (action == SYNC_CLAIM)
			action = tell(job, OUTCOME_CLAIMED, NULL);
		else if (action == SYNC_LEASE)
			action = tell(job, OUTCOME_LEASED, NULL);
		else if (action == SYNC_SAVE_TOKEN)
			action = tell(job, OUTCOME_TOKEN_SAVED, NULL);
		else if (action == SYNC_RELEASE)
			action = tell(job, OUTCOME_RELEASED, NULL);
		else if (action == SYNC_CALL)
			action = call(job, trouble);
		else {
			assert_int_equal(action, SYNC_DOUBT);
			doubted = true;
			action = tell(job, OUTCOME_BLAMED, NULL);
		}
	}
	assert_int_equal(action, SYNC_SAVE_ROWS);
	return doubted;
}

/* The trouble ends its job with the class, in all that the row says; what names the trouble. */
static void expect_end(
	const struct trouble *trouble, enum error_class class, const char *what, struct seen *seen)
{
	static const char *const endpoints[ENDPOINTS] = {"user/info", "video/list", "oauth/token"};
	const struct error_rule *rule = error_rule(class);
	struct job *job = new_job(trouble->endpoint);
	bool doubted = live_through(job, trouble);

	if (job->verdict.error_class != class)
		fail_msg("%s, %d %s: class %s, not %s", endpoints[trouble->endpoint],
			trouble->reply.status, what, error_rule(job->verdict.error_class)->name,
			rule->name);
	expect_row(job, class);
	assert_int_equal(snapshot_rows(&job->snapshot), 0);
	assert_int_equal(doubted, rule->blame == BLAME_DOUBT || rule->blame == BLAME_APP);
	if (trouble->endpoint == ENDPOINT_TOKEN)
		assert_int_equal(job->rotation_unknown, rule->may_have_acted);
	seen->class[class] = true;
	job_destroy(job);
}

static void expect_answer(enum metric_endpoint endpoint, int status, const char *body,
	enum error_class class, struct seen *seen)
{
	struct trouble trouble = {.endpoint = endpoint,
		.reply = {.status = status,
			.body = body,
			.length = strlen(body),
			.retry_after_ms = -1}};

	expect_end(&trouble, class, body, seen);
}

/* In each shape that refusals have: as the API sends them, as its page shows them, as OAuth has them. */
static void expect_refusal(enum metric_endpoint endpoint, int status, const char *code,
	enum error_class class, struct seen *seen)
{
	static const struct {
		const char *before, *after;
	} shapes[] = {
		{"{\"data\":{},\"error\":{\"code\":\"", "\",\"message\":\"m\",\"log_id\":\"L\"}}"},
		{"{\"code\":\"", "\",\"message\":\"m\"}"},
		{"{\"error\":\"", "\",\"error_description\":\"d\",\"log_id\":\"L\"}"},
	};

	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		struct text body = {0};

		text_append_format(&body, "%s%s%s", shapes[i].before, code, shapes[i].after);
		expect_answer(endpoint, status, text_string(&body), class, seen);
		text_finish(&body);
	}
}

/* A status decides where the body says nothing that we know, whatever the body is. */
static void walk_statuses(struct seen *seen)
{
	static const char *const bodies[] = {"", "<html>oops</html>", "[]", "null", "{}",
		"{\"error\":{\"code\":\"\"}}", NEW_CODE};
	static const struct {
		int status;
		enum error_class class;
		enum error_class of_refresh;
	} statuses[] = {
		{301, ERROR_BAD_REPLY, ERROR_BAD_REPLY},
		{302, ERROR_BAD_REPLY, ERROR_BAD_REPLY},
		{304, ERROR_BAD_REPLY, ERROR_BAD_REPLY},
		{400, ERROR_BAD_REQUEST, ERROR_BAD_REQUEST},
		/* Of a refresh it is the app that is not accepted, not the account. */
		{401, ERROR_TOKEN_EXPIRED, ERROR_APP_REFUSED},
		{403, ERROR_BAD_REQUEST, ERROR_APP_REFUSED},
		{404, ERROR_BAD_REQUEST, ERROR_BAD_REQUEST},
		{405, ERROR_BAD_REQUEST, ERROR_BAD_REQUEST},
		{418, ERROR_BAD_REQUEST, ERROR_BAD_REQUEST},
		{429, ERROR_RATE_LIMITED, ERROR_RATE_LIMITED},
		{500, ERROR_SERVER, ERROR_SERVER},
		{501, ERROR_SERVER, ERROR_SERVER},
		{502, ERROR_SERVER, ERROR_SERVER},
		{503, ERROR_SERVER, ERROR_SERVER},
		{504, ERROR_SERVER, ERROR_SERVER},
		{599, ERROR_SERVER, ERROR_SERVER},
	};

	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
		for (size_t b = 0; b < sizeof bodies / sizeof *bodies; b++) {
			int status = statuses[i].status;

			expect_answer(
				ENDPOINT_USER_INFO, status, bodies[b], statuses[i].class, seen);
			expect_answer(
				ENDPOINT_VIDEO_LIST, status, bodies[b], statuses[i].class, seen);
			expect_answer(
				ENDPOINT_TOKEN, status, bodies[b], statuses[i].of_refresh, seen);
		}
	}
}

/* A code decides, whatever the status is: TikTok reports errors of OAuth under 200. */
static void walk_codes(struct seen *seen)
{
	static const int statuses[] = {200, 400, 401, 403, 404, 429, 500, 503};
	static const struct {
		const char *code;
		enum error_class class;
	} codes[] = {
		{"scope_not_authorized", ERROR_SCOPE},
		{"scope_permission_missed", ERROR_SCOPE},
		{"invalid_params", ERROR_BAD_REQUEST},
		{"invalid_param", ERROR_BAD_REQUEST},
		{"rate_limit_exceeded", ERROR_RATE_LIMITED},
		{"internal_error", ERROR_SERVER},
		{"invalid_request", ERROR_BAD_REQUEST},
		{"invalid_client", ERROR_APP_REFUSED},
		{"unauthorized_client", ERROR_APP_REFUSED},
		{"unsupported_grant_type", ERROR_BAD_REQUEST},
		{"invalid_scope", ERROR_BAD_REQUEST},
		{"access_denied", ERROR_BAD_REQUEST},
		{"server_error", ERROR_SERVER},
		{"temporarily_unavailable", ERROR_SERVER},
	};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		for (size_t s = 0; s < sizeof statuses / sizeof *statuses; s++)
			for (int endpoint = 0; endpoint < ENDPOINTS; endpoint++)
				expect_refusal((enum metric_endpoint)endpoint, statuses[s],
					codes[i].code, codes[i].class, seen);
}

/* Codes of one of the two tokens: what they mean depends on who was asked. */
static void walk_token_codes(struct seen *seen)
{
	static const int statuses[] = {200, 400, 401};
	static const char *const codes[] = {"access_token_invalid", "access_token_expired"};

	for (size_t s = 0; s < sizeof statuses / sizeof *statuses; s++) {
		int status = statuses[s];

		expect_refusal(ENDPOINT_TOKEN, status, "invalid_grant", ERROR_TOKEN_REVOKED, seen);
		for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
			expect_refusal(
				ENDPOINT_USER_INFO, status, codes[i], ERROR_TOKEN_EXPIRED, seen);
			expect_refusal(
				ENDPOINT_VIDEO_LIST, status, codes[i], ERROR_TOKEN_EXPIRED, seen);
			expect_refusal(ENDPOINT_TOKEN, status, codes[i], ERROR_BAD_REQUEST, seen);
		}
	}
}

/* Good status, no refusal, and still not what was asked for. */
static void walk_unreadable_answers(struct seen *seen)
{
	static const char *const any[] = {"", "null", "7", "\"ok\"", "[]", DEEP, "{}x", "{}{}",
		"{\"data\":", "<html></html>", "{\"a\":\"\xff\"}", "{\"a\":1,\"a\":2}",
		"{\"data\":NaN}", NEW_CODE, "{\"data\":7}"};
	static const char *const users[] = {"{}", "{\"data\":{}}", "{\"data\":{\"user\":[]}}",
		"{\"data\":{\"user\":{\"open_id\":\"open-1\",\"follow",
		"{\"data\":{\"user\":{\"open_id\":\"somebody-else\"}}}",
		"{\"data\":{\"user\":{\"follower_count\":\"many\"}}}",
		"{\"data\":{\"user\":{\"likes_count\":1.5}}}",
		"{\"data\":{\"user\":{\"video_count\":-1}}}"};
	static const char *const videos[] = {"{}", VIDEO("{}"), VIDEO("7"), VIDEO("null"),
		VIDEO("{\"id\":\"\"}"), VIDEO("{\"id\":1}"),
		VIDEO("{\"id\":\"1\",\"view_count\":\"5\"}"),
		VIDEO("{\"id\":\"1\",\"like_count\":-5}"),
		"{\"data\":{\"videos\":[],\"cursor\":\"x\",\"has_more\":false}}",
		"{\"data\":{\"videos\":[],\"cursor\":1,\"has_more\":\"true\"}}",
		"{\"error\":{\"code\":\"ok\"}}"};
	static const char *const tokens[] = {"{}", "{\"access_token\":\"\"}",
		"{\"access_token\":7}", "{\"refresh_token\":\"rft.new\"}",
		"{\"data\":{\"access_token\":\"act.new\"}}"};

	for (size_t i = 0; i < sizeof any / sizeof *any; i++)
		for (int endpoint = 0; endpoint < ENDPOINTS; endpoint++)
			expect_answer(
				(enum metric_endpoint)endpoint, 200, any[i], ERROR_BAD_REPLY, seen);
	for (size_t i = 0; i < sizeof users / sizeof *users; i++)
		expect_answer(ENDPOINT_USER_INFO, 200, users[i], ERROR_BAD_REPLY, seen);
	expect_answer(ENDPOINT_USER_INFO, 200, PROFILE "x", ERROR_BAD_REPLY, seen);
	for (size_t i = 0; i < sizeof videos / sizeof *videos; i++)
		expect_answer(ENDPOINT_VIDEO_LIST, 200, videos[i], ERROR_BAD_REPLY, seen);
	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
		expect_answer(ENDPOINT_TOKEN, 200, tokens[i], ERROR_BAD_REPLY, seen);
}

/* ---- What curl says when there was no answer ---- */

static void walk_curl_codes(struct seen *seen)
{
	static const struct {
		CURLcode code;
		enum error_class class;
	} codes[] = {
		{CURLE_COULDNT_RESOLVE_HOST, ERROR_NETWORK},
		{CURLE_COULDNT_CONNECT, ERROR_NETWORK},
		{CURLE_OPERATION_TIMEDOUT, ERROR_NETWORK},
		{CURLE_GOT_NOTHING, ERROR_NETWORK},
		{CURLE_SEND_ERROR, ERROR_NETWORK},
		{CURLE_RECV_ERROR, ERROR_NETWORK},
		{CURLE_PARTIAL_FILE, ERROR_NETWORK},
		{CURLE_SSL_CONNECT_ERROR, ERROR_NETWORK},
		{CURLE_PEER_FAILED_VERIFICATION, ERROR_NETWORK},
		{CURLE_HTTP2, ERROR_NETWORK},
		{CURLE_HTTP2_STREAM, ERROR_NETWORK},
		{CURLE_UNSUPPORTED_PROTOCOL, ERROR_NETWORK},
		{CURLE_URL_MALFORMAT, ERROR_NETWORK},
		{CURLE_OUT_OF_MEMORY, ERROR_NETWORK},
		/* There was one, but it is no HTTP, cannot be unpacked, or is too large. */
		{CURLE_WEIRD_SERVER_REPLY, ERROR_BAD_REPLY},
		{CURLE_BAD_CONTENT_ENCODING, ERROR_BAD_REPLY},
		{CURLE_WRITE_ERROR, ERROR_BAD_REPLY},
	};
	const struct http_options options = {.reply_max_bytes = 1000};
	const struct http_request request = {.url = "https://api.test/v2", .deadline_ms = 1000};
	struct http_call *http = http_call_create(&options, NULL);

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		struct trouble trouble = {0};

		http_call_prepare(http, &request);
		http_call_read_reply(http, codes[i].code, &trouble.reply);
		for (int endpoint = 0; endpoint < ENDPOINTS; endpoint++) {
			trouble.endpoint = (enum metric_endpoint)endpoint;
			expect_end(&trouble, codes[i].class, trouble.reply.error.text, seen);
		}
		http_call_clear(http);
	}
	http_call_destroy(http);
}

/* ---- What the other parties say ---- */

/* A stage reports it; PostgreSQL's words go the same way. */
static void expect_failure(enum error_class class, const char *words, struct seen *seen)
{
	struct job *job = new_job(ENDPOINT_USER_INFO);
	struct error err;

	error_set(&err, class, "%s", words);
	tell(job, OUTCOME_STARTED, NULL);
	assert_int_equal(sync_advance(job, &settings,
				 &(struct outcome){.kind = OUTCOME_FAILED, .error = &err}),
		SYNC_SAVE_ROWS);
	expect_row(job, class);
	seen->class[class] = true;
	job_destroy(job);
}

/* test_db_error.c knows the codes by heart; here is what becomes of their jobs. */
static void walk_sqlstates(struct seen *seen)
{
	size_t count;
	const struct db_error_rule *rules = db_error_rules(&count);

	expect_failure(db_error_rule(NULL)->class, "the connection is lost", seen);
	expect_failure(db_error_rule("22003")->class, "a value is refused", seen);
	expect_failure(db_error_rule("23503")->class, "fk_store", seen);
	for (size_t i = 0; i < count; i++) {
		if (rules[i].class == ERROR_SETTINGS) /* a refused login: nobody has a job then */
			seen->class[ERROR_SETTINGS] = true;
		else
			expect_failure(rules[i].class, rules[i].prefix, seen);
	}
}

static void walk_messages(struct seen *seen)
{
	static const char *const bodies[] = {"", "null", "7", "[]", "{}", DEEP, "{\"v\":1", "\xff",
		"{\"v\":2}", "{\"v\":\"1\"}", "{\"v\":1,\"job_id\":\"x\"}", "{\"v\":1}{\"v\":1}",
		"{\"v\":1,\"v\":1}"};

	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct result_message result;
		struct job_message message;
		struct error err;
		struct job *job;

		assert_false(result_message_read(bodies[i], strlen(bodies[i]), &result, &err));
		assert_int_equal(err.class, ERROR_BAD_MESSAGE);
		assert_false(job_message_read(bodies[i], strlen(bodies[i]), &message, &err));
		job = job_create_unreadable("id", bodies[i], strlen(bodies[i]), &err);
		assert_int_equal(job->verdict.error_class, ERROR_BAD_MESSAGE);
		expect_dead(job, error_rule(ERROR_BAD_MESSAGE));
		seen->class[ERROR_BAD_MESSAGE] = true;
		job_destroy(job);
	}
}

/* What isolation.c says of a job over which its child has died again and again. */
static void walk_crashes(struct seen *seen)
{
	struct job *job = new_job(ENDPOINT_USER_INFO);
	struct error err;

	job->claim = (struct claim){.known = true, .suspect = true, .account_id = 7, .crashes = 3};
	tell(job, OUTCOME_STARTED, NULL);
	assert_int_equal(tell(job, OUTCOME_CLAIMED, NULL), SYNC_ISOLATE);
	error_set(&err, ERROR_CRASH, "ended by signal 11");
	sync_advance(job, &settings, &(struct outcome){.kind = OUTCOME_FAILED, .error = &err});
	expect_row(job, ERROR_CRASH);
	seen->class[ERROR_CRASH] = true;
	job_destroy(job);
}

/* ---- The claims ---- */

static void a_status_decides_where_the_body_says_nothing(void **state)
{
	struct seen seen = {0};

	walk_statuses(&seen);
	assert_true(seen.class[ERROR_TOKEN_EXPIRED]);
}

static void a_code_decides_whatever_the_status_is(void **state)
{
	struct seen seen = {0};

	walk_codes(&seen);
	walk_token_codes(&seen);
	assert_true(seen.class[ERROR_TOKEN_REVOKED]);
}

static void an_answer_that_is_not_what_was_asked_for_is_a_bad_reply(void **state)
{
	struct seen seen = {0};

	walk_unreadable_answers(&seen);
	assert_true(seen.class[ERROR_BAD_REPLY]);
}

static void a_call_without_an_answer_has_the_class_of_curls_code(void **state)
{
	struct seen seen = {0};

	walk_curl_codes(&seen);
	assert_true(seen.class[ERROR_NETWORK]);
}

static void postgresql_fails_a_job_for_now_or_for_its_data(void **state)
{
	struct seen seen = {0};

	walk_sqlstates(&seen);
	assert_true(seen.class[ERROR_DATABASE] && seen.class[ERROR_INTERNAL]);
}

static void an_unreadable_message_goes_to_the_dead_letters(void **state)
{
	struct seen seen = {0};

	walk_messages(&seen);
	assert_true(seen.class[ERROR_BAD_MESSAGE]);
}

static void every_class_that_ends_jobs_has_a_cause(void **state)
{
	static void (*const walks[])(struct seen *) = {walk_statuses, walk_codes, walk_token_codes,
		walk_unreadable_answers, walk_curl_codes, walk_sqlstates, walk_messages,
		walk_crashes};
	struct seen seen = {0};

	for (size_t i = 0; i < sizeof walks / sizeof *walks; i++)
		walks[i](&seen);
	for (int class = ERROR_NONE; class < ERROR_CLASSES; class ++) {
		const struct error_rule *rule = error_rule((enum error_class) class);

		if (rule->remedy != REMEDY_NONE && !seen.class[class])
			fail_msg("no cause leads to class %s", rule->name);
	}
}

/* One of many jobs, so that every rung that its attempt may be given is drawn. */
static void fail_nth_job(int n, enum error_class class, int attempt, struct job **job)
{
	struct error err;

	*job = new_job(ENDPOINT_USER_INFO);
	snprintf((*job)->message.job_id, sizeof(*job)->message.job_id,
		"11111111-1111-4111-8111-%012d", n);
	(*job)->message.attempt = attempt;
	job_attempt_id((*job)->message.job_id, attempt, (*job)->attempt_id);
	error_set(&err, class, "what happened");
	verdict_fail(*job, &err);
}

static void every_attempt_of_every_class_ends_as_its_row_says(void **state)
{
	enum { JOBS = 50, ATTEMPTS_BEYOND = 2 };

	for (int class = ERROR_NONE + 1; class < ERROR_CLASSES; class ++) {
		const struct error_rule *rule = error_rule((enum error_class) class);
		/* A class that no job ends with is a defect of ours where one does. */
		enum error_class ends_as =
			rule->remedy == REMEDY_NONE ? ERROR_INTERNAL : (enum error_class) class;
		int attempts = error_rule(ends_as)->attempts + ATTEMPTS_BEYOND;

		for (int attempt = 1; attempt <= attempts; attempt++) {
			for (int n = 0; n < JOBS; n++) {
				struct job *job;

				fail_nth_job(n, (enum error_class) class, attempt, &job);
				expect_row(job, ends_as);
				assert_string_equal(job->verdict.error_details, "what happened");
				job_destroy(job);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_status_decides_where_the_body_says_nothing),
		cmocka_unit_test(a_code_decides_whatever_the_status_is),
		cmocka_unit_test(an_answer_that_is_not_what_was_asked_for_is_a_bad_reply),
		cmocka_unit_test(a_call_without_an_answer_has_the_class_of_curls_code),
		cmocka_unit_test(postgresql_fails_a_job_for_now_or_for_its_data),
		cmocka_unit_test(an_unreadable_message_goes_to_the_dead_letters),
		cmocka_unit_test(every_class_that_ends_jobs_has_a_cause),
		cmocka_unit_test(every_attempt_of_every_class_ends_as_its_row_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
