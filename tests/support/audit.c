/* SPDX-License-Identifier: MIT */
/*
 * `syncctl audit` for tests. The management API tells what programs hold. The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/audit.h"

#include <string.h>

#include "common/clock.h"
#include "tests/support/environment.h"
#include "tests/support/wait.h"

#define ARGUMENTS_MAX 12

static const char *const everything[] = {"--all", NULL};

/* Its output is added to output. */
static int run_audit(struct test_fleet *fleet, const char *const arguments[], struct text *output)
{
	const char *argv[ARGUMENTS_MAX] = {"syncctl", "audit", "--json"};
	const char *environment[24] = {0};
	struct text management = {0};
	int count = 0, argc = 3;
	int code;

	while (arguments && *arguments && argc < ARGUMENTS_MAX - 1)
		argv[argc++] = *arguments++;
	for (char **setting = fleet->settings; *setting && count < 22; setting++)
		environment[count++] = *setting;
	text_append_format(
		&management, "AMQP_MANAGEMENT_URL=%s", test_setting("AMQP_MANAGEMENT_URL"));
	environment[count] = text_string(&management);
	code = test_run(argv, environment, output);
	text_finish_secret(&management);
	return code;
}

int test_fleet_audit(struct test_fleet *fleet, const char *const arguments[], struct json **object)
{
	struct text output = {0};
	struct error err;
	int code = run_audit(fleet, arguments, &output);

	*object = NULL;
	if ((code == 0 || code == 3) &&
		!json_parse(text_string(&output), output.length, object, &err))
		fail_msg("the audit's JSON is none: %s\n%s", err.text, text_string(&output));
	text_finish(&output);
	return code;
}

const char *test_report_string(const struct json *object, const char *name)
{
	const char *string = "";

	json_string(object, name, 1000, &string);
	return string;
}

int64_t test_report_integer(const struct json *object, const char *name)
{
	int64_t number = -1;

	json_integer(object, name, &number);
	return number;
}

size_t test_report_warnings(const struct json *report, const char *name)
{
	const struct json *warnings = json_array(report, "warnings");
	size_t count = 0;

	for (size_t i = 0; i < json_array_length(warnings); i++)
		count += strcmp(test_report_string(json_array_at(warnings, i), "name"), name) == 0;
	return count;
}

void test_report_fail(const struct json *report, const char *what)
{
	struct text text = {0};

	json_write(report, &text);
	fail_msg("%s: %s", what, text_string(&text));
}

void test_fleet_assert_violations(
	struct test_fleet *fleet, size_t expected, const char *name, const char *job_id)
{
	struct json *report = NULL;
	int code = test_fleet_audit(fleet, everything, &report);
	const struct json *violations = json_array(report, "violations");
	bool accounted = true;

	json_boolean(report, "accounted", &accounted);
	if (code != 3 || accounted || json_array_length(violations) != expected)
		test_report_fail(report, "not the violations that were planted");
	for (size_t i = 0; i < expected; i++) {
		const struct json *violation = json_array_at(violations, i);

		if (strcmp(test_report_string(violation, "name"), name) != 0 ||
			(job_id && strcmp(test_report_string(violation, "job_id"), job_id) != 0))
			test_report_fail(report, "another violation than the planted one");
		assert_string_not_equal(test_report_string(violation, "text"), "");
		assert_string_not_equal(test_report_string(violation, "way_out"), "");
	}
	json_destroy(report);
}

/* Every job is accounted for, and nothing moved while that was found. */
static bool is_clean_at_rest(int code, const struct text *output)
{
	struct json *object = NULL;
	struct error err;
	bool at_work = true;

	if (code != 0)
		return false;
	if (!json_parse(text_string(output), output->length, &object, &err))
		fail_msg("the audit's JSON is none: %s\n%s", err.text, text_string(output));
	json_boolean(object, "at_work", &at_work);
	json_destroy(object);
	return !at_work;
}

void test_fleet_assert_audit_clean(struct test_fleet *fleet)
{
	int64_t limit_ms = clock_monotonic_ms() + TEST_WAIT_MS;
	struct text output = {0};
	bool clean;
	int code;

	do {
		text_clear(&output);
		code = run_audit(fleet, everything, &output);
		clean = is_clean_at_rest(code, &output);
	} while (!clean && clock_monotonic_ms() < limit_ms);
	if (!clean)
		fail_msg("syncctl audit ends with %d:\n%s", code, text_string(&output));
	text_finish(&output);
}

void test_fleet_wait_for_logs(struct test_fleet *fleet)
{
	test_wait_for_query(fleet->database.db,
		"SELECT count(*) FROM sync_jobs j WHERE NOT EXISTS (SELECT FROM sync_logs l"
		" WHERE l.job_id = j.job_id AND l.final)",
		0);
}
