/* SPDX-License-Identifier: MIT */
/*
 * Log lines as they arrive on standard error: their shape, their limits, and that no secret is
 * among them.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/log_mask.h"
#include "common/memory.h"

#define PAGE_SIZE 262144

/* Standard error goes to a file while a test runs. */
struct fixture {
	int stderr_fd;
	int file;
	char page[PAGE_SIZE];
};

static int set_up(void **state)
{
	struct fixture *f = memory_allocate(1, sizeof *f);
	char path[] = "/tmp/test_log.XXXXXX";

	f->stderr_fd = dup(STDERR_FILENO);
	f->file = mkstemp(path);
	unlink(path);
	dup2(f->file, STDERR_FILENO);
	log_open("tester", LOG_INFO, LOG_JSON);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	dup2(f->stderr_fd, STDERR_FILENO);
	close(f->stderr_fd);
	close(f->file);
	free(f);
	return 0;
}

/* All that was logged; standard error is the terminal's again. */
static const char *logged(struct fixture *f)
{
	ssize_t length = pread(f->file, f->page, sizeof f->page - 1, 0);

	dup2(f->stderr_fd, STDERR_FILENO);
	assert_true(length >= 0);
	return f->page;
}

static void assert_logged(struct fixture *f, const char *words)
{
	const char *page = logged(f);

	if (!strstr(page, words))
		fail_msg("\"%s\" is not in: %s", words, page);
}

static void json_line_has_the_members_of_the_contract(void **state)
{
	struct fixture *f = *state;
	const char *line;

	log_warn("retrying in %d ms", 4000);
	line = logged(f);

	assert_memory_equal(line, "{\"ts\":\"20", 9);
	assert_non_null(strstr(line,
		"Z\",\"level\":\"warn\",\"program\":\"tester\",\"message\":\"retrying in 4000 ms\"}\n"));
}

static void line_about_a_job_names_it(void **state)
{
	static const struct log_job job = {.job_id = "id",
		.job_type = "daily_sync",
		.store_code = "s\"1",
		.account_id = 7,
		.attempt = 2};

	log_about(LOG_INFO, &job, "saved");

	assert_logged(*state, "\"message\":\"saved\",\"job_id\":\"id\",\"job_type\":\"daily_sync\","
			      "\"store_code\":\"s\\\"1\",\"account_id\":7,\"attempt\":2}\n");
}

static void what_is_not_known_of_a_job_is_left_out(void **state)
{
	static const struct log_job job = {.account_id = 7};

	log_about(LOG_INFO, &job, "saved");

	assert_logged(*state, "\"message\":\"saved\",\"account_id\":7}\n");
}

static void text_line_is_for_people(void **state)
{
	static const struct log_job job = {.store_code = "s1", .attempt = 2};

	log_open("tester", LOG_INFO, LOG_TEXT);
	log_about(LOG_INFO, &job, "saved \"all\"");

	assert_logged(*state, " info  tester: saved \"all\" (about store_code s1 attempt 2)\n");
}

static void lines_below_the_level_are_not_written(void **state)
{
	log_open("tester", LOG_WARN, LOG_JSON);
	log_debug("no");
	log_info("no");

	assert_false(log_enabled(LOG_INFO));
	assert_true(log_enabled(LOG_ERROR));
	assert_string_equal(logged(*state), "");
}

static void one_event_is_one_line(void **state)
{
	const char *page;

	log_info("a\nb\r\x1b[31m\x7f");
	page = logged(*state);

	assert_non_null(strstr(page, "\"a\\u000ab\\u000d\\u001b[31m\\u007f\"}\n"));
	assert_ptr_equal(strchr(page, '\n'), page + strlen(page) - 1);
}

static void text_that_is_no_utf8_is_replaced(void **state)
{
	log_info("caf\xc3\xa9 \xff\xc3 \xed\xa0\x80 \xf0\x9f\x98\x80");

	assert_logged(*state,
		"\"caf\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd "
		"\xf0\x9f\x98\x80\"}");
}

static void direction_of_reading_cannot_be_turned(void **state)
{
	log_info("a\xe2\x80\xae"
		 "b\xc2\x85");

	assert_logged(*state, "\"a\\u202eb\\u0085\"}");
}

static void long_line_is_cut_at_4_kib_and_stays_json(void **state)
{
	struct fixture *f = *state;
	char store_code[1000], message[8000];
	const struct log_job job = {.job_id = store_code,
		.job_type = store_code,
		.store_code = store_code,
		.account_id = INT64_MAX,
		.attempt = INT32_MAX};
	const char *line;

	memset(message, 1, sizeof message);
	message[sizeof message - 1] = '\0';
	memset(store_code, 2, sizeof store_code);
	store_code[sizeof store_code - 1] = '\0';
	log_about(LOG_ERROR, &job, "%s", message);
	line = logged(f);

	assert_in_range(strlen(line), 3000, 4096);
	assert_non_null(strstr(line, "\\u0001[cut]\",\"job_id\":\"\\u0002"));
	assert_non_null(strstr(
		line, "[cut]\",\"account_id\":9223372036854775807,\"attempt\":2147483647}\n"));
}

static void errno_survives_logging(void **state)
{
	close(STDERR_FILENO);
	errno = ENOSPC;
	log_info("to nobody");

	assert_int_equal(errno, ENOSPC);
	logged(*state);
}

static void secrets_are_masked(void **state)
{
	static const char *const pairs[][2] = {
		{"token act.Um7Hq!4500.va here", "token act.*** here"},
		{"rft.abc", "rft.***"},
		{"{\"t\":\"act.abc\"}", "{\"t\":\"act.***\"}"},
		{"t%3Dact.0123456789abcdef0123", "t%3Dact.***"},
		{"Authorization: Bearer abc.def", "Authorization: Bearer ***"},
		{"bearer xyz,", "bearer ***,"},
		{"client_key=k&client_secret=s3cret&code=1",
			"client_key=k&client_secret=***&code=1"},
		{"\"refresh_token\":\"abc\"", "\"refresh_token\":\"***\""},
		{"refresh_token=abc", "refresh_token=***"},
		{"access_token=abc", "access_token=***"},
		{"host=h password=pw user=u", "host=h password=*** user=u"},
		{"amqp://user:pw@host:5672/", "amqp://user:***@host:5672/"},
		{"postgresql://u:p/w@x@host/d and", "postgresql://u:***@host/d and"},
		{"two://a:b@c two://a:b@c", "two://a:***@c two://a:***@c"},
	};

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		char masked[100];

		log_mask(pairs[i][0], masked, sizeof masked);
		assert_string_equal(masked, pairs[i][1]);
	}
}

static void ordinary_words_are_not_masked(void **state)
{
	static const char *const messages[] = {"the act. was", "see contract.sql",
		"http://127.0.0.1:8080/path", "amqp://host:5672/", "postgresql://user@host/d",
		"mail a:b@c", "act.", "client_secret is missing", ""};

	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		char masked[100];

		log_mask(messages[i], masked, sizeof masked);
		assert_string_equal(masked, messages[i]);
	}
}

static void masking_fits_any_room(void **state)
{
	for (size_t size = 1; size < 40; size++) {
		char *masked = memory_allocate(size, 1);

		log_mask("a act.0123456789 amqp://u:p@h", masked, size);
		assert_true(strlen(masked) < size);
		free(masked);
	}
}

static void logged_secret_is_masked(void **state)
{
	const char *page;

	log_info("answered act.topsecret");
	page = logged(*state);

	assert_null(strstr(page, "topsecret"));
	assert_non_null(strstr(page, "answered act.***"));
}

static void *log_many(void *argument)
{
	for (int i = 0; i < 200; i++)
		log_info("%s %s", (const char *)argument,
			"0123456789012345678901234567890123456789");
	return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
	static char names[4][2] = {"a", "b", "c", "d"};
	pthread_t threads[4];
	size_t lines = 0;

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_many, names[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);

	for (const char *line = logged(*state); *line; line = strchr(line, '\n') + 1, lines++) {
		assert_memory_equal(line, "{\"ts\"", 5);
		assert_memory_equal(strchr(line, '\n') - 8, "456789\"}", 8);
	}
	assert_int_equal(lines, 800);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			json_line_has_the_members_of_the_contract, set_up, tear_down),
		cmocka_unit_test_setup_teardown(line_about_a_job_names_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_not_known_of_a_job_is_left_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(text_line_is_for_people, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			lines_below_the_level_are_not_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_event_is_one_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			text_that_is_no_utf8_is_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			direction_of_reading_cannot_be_turned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			long_line_is_cut_at_4_kib_and_stays_json, set_up, tear_down),
		cmocka_unit_test_setup_teardown(errno_survives_logging, set_up, tear_down),
		cmocka_unit_test(secrets_are_masked),
		cmocka_unit_test(ordinary_words_are_not_masked),
		cmocka_unit_test(masking_fits_any_room),
		cmocka_unit_test_setup_teardown(logged_secret_is_masked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lines_of_threads_do_not_mix, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
