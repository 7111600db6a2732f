/* SPDX-License-Identifier: MIT */
/*
 * Which SQLSTATE means what: the table, and the codes that the fleet has to know by heart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/db_error.h"

#include <string.h>

static void every_rule_is_a_code_or_its_beginning_and_stands_once(void **state)
{
	size_t count;
	const struct db_error_rule *rules = db_error_rules(&count);

	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(rules[i].prefix);

		assert_in_range(length, 2, 5);
		assert_int_equal(
			strspn(rules[i].prefix, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"), length);
		assert_true(rules[i].class == ERROR_DATABASE || rules[i].class == ERROR_SETTINGS);
		for (size_t other = 0; other < i; other++)
			assert_string_not_equal(rules[i].prefix, rules[other].prefix);
	}
}

static void every_rule_applies_to_its_own_codes(void **state)
{
	size_t count;
	const struct db_error_rule *rules = db_error_rules(&count);

	for (size_t i = 0; i < count; i++) {
		char code[6] = "ZZZZZ";

		memcpy(code, rules[i].prefix, strlen(rules[i].prefix));
		assert_ptr_equal(db_error_rule(code), &rules[i]);
	}
}

static void what_may_succeed_later_is_temporary(void **state)
{
	static const char *const codes[] = {
		"08000", "08001", "08003", "08004", "08006", "08007", "08P01", /* connection */
		"0A000", "26000", "3F000", "42501", "42703", "42704", "42883",
		"42P01", /* schema, rights */
		"42P10", "25006", "25P03", "25P04", "40000", "40001", "40003",
		"40P01", /* transaction */
		"53000", "53100", "53200", "53300", "53400", "55006", "55P03",
		"57000", /* room, locks */
		"57014", "57P01", "57P02", "57P03", "57P04", "57P05", "58000",
		"58030", /* operator, system */
		"58P01", "58P02", "72000", "F0000", "F0001", "XX001", "XX002", /* server's files */
	};

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (db_error_rule(codes[i])->class != ERROR_DATABASE)
			fail_msg("%s fails jobs", codes[i]);
}

static void what_the_data_or_the_statement_is_to_blame_for_is_refused(void **state)
{
	static const char *const codes[] = {"22001", "22021", "22P02", "23502", "23503", "23505",
		"21000", "42601", "42804", "25P02", "54000", "XX000", "55000"};

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		assert_int_equal(db_error_rule(codes[i])->class, ERROR_INTERNAL);
		assert_false(db_error_rule(codes[i])->ends_session);
	}
}

static void a_refused_login_is_a_wrong_setting(void **state)
{
	assert_int_equal(db_error_rule("28P01")->class, ERROR_SETTINGS);
	assert_int_equal(db_error_rule("28000")->class, ERROR_SETTINGS);
	assert_int_equal(db_error_rule("3D000")->class, ERROR_SETTINGS);
}

static void a_deadlock_keeps_the_session_and_a_shutdown_ends_it(void **state)
{
	assert_false(db_error_rule("40P01")->ends_session);
	assert_false(db_error_rule("57014")->ends_session);
	assert_true(db_error_rule("57P01")->ends_session);
	assert_true(db_error_rule("25006")->ends_session);
}

static void no_code_at_all_is_a_broken_connection(void **state)
{
	const struct db_error_rule *rule = db_error_rule(NULL);

	assert_int_equal(rule->class, ERROR_DATABASE);
	assert_true(rule->ends_session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule_is_a_code_or_its_beginning_and_stands_once),
		cmocka_unit_test(every_rule_applies_to_its_own_codes),
		cmocka_unit_test(what_may_succeed_later_is_temporary),
		cmocka_unit_test(what_the_data_or_the_statement_is_to_blame_for_is_refused),
		cmocka_unit_test(a_refused_login_is_a_wrong_setting),
		cmocka_unit_test(a_deadlock_keeps_the_session_and_a_shutdown_ends_it),
		cmocka_unit_test(no_code_at_all_is_a_broken_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
