/* SPDX-License-Identifier: MIT */
/*
 * The tables of knobs and faults are whole, and what is set is read back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/simulator/faults.h"
#include "tests/simulator/knobs.h"

static void every_knob_has_its_own_name_and_help(void **state)
{
	for (int i = 0; i < KNOBS; i++) {
		const struct knob_rule *rule = knobs_rule((enum knob)i);

		assert_non_null(rule->name);
		assert_true(strlen(rule->help) > 10);
		assert_true(rule->choices || rule->minimum < rule->maximum);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(rule->name, knobs_rule((enum knob)j)->name);
	}
}

static void the_initial_value_is_written_as_the_table_says(void **state)
{
	struct knobs knobs;

	knobs_init(&knobs);
	for (int i = 0; i < KNOBS; i++) {
		struct text text = {0};

		knobs_write_value(&knobs, (enum knob)i, &text);
		assert_string_equal(text_string(&text), knobs_rule((enum knob)i)->initial);
		text_finish(&text);
	}
}

static void every_choice_is_read_back(void **state)
{
	struct knobs knobs;
	struct error err;

	knobs_init(&knobs);
	for (int i = 0; i < KNOBS; i++) {
		const struct knob_rule *rule = knobs_rule((enum knob)i);
		char *choices = strdup(rule->choices ? rule->choices : "");
		char *rest = choices;
		char *choice;

		while (rule->choices && (choice = strsep(&rest, "|"))) {
			struct text text = {0};

			assert_true(knobs_set(&knobs, rule->name, choice, &err));
			knobs_write_value(&knobs, (enum knob)i, &text);
			assert_string_equal(text_string(&text), choice);
			text_finish(&text);
		}
		free(choices);
	}
}

static void what_is_no_value_changes_nothing(void **state)
{
	struct knobs knobs;
	struct error err;

	knobs_init(&knobs);
	assert_false(knobs_set(&knobs, "rate_limit", "-1", &err));
	assert_false(knobs_set(&knobs, "rate_limit", "6x", &err));
	assert_false(knobs_set(&knobs, "rotation", "alway", &err));
	assert_false(knobs_set(&knobs, "rotation", "", &err));
	assert_false(knobs_set(&knobs, "no_such_knob", "1", &err));
	assert_non_null(strstr(err.text, "no_such_knob"));
	assert_int_equal(knobs_get(&knobs, KNOB_RATE_LIMIT), 600);
	assert_int_equal(knobs_get(&knobs, KNOB_ROTATION), ROTATION_ALWAYS);
}

static void every_fault_has_its_own_name_and_help(void **state)
{
	for (int i = 0; i < FAULTS; i++) {
		const struct fault_rule *rule = fault_rule((enum fault_kind)i);

		assert_true(strlen(rule->help) > 10);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(rule->name, fault_rule((enum fault_kind)j)->name);
	}
}

/* How many of ten calls to an endpoint a list of faults hits. */
static int count_hits(const char *json, enum endpoint endpoint, int64_t account)
{
	static struct faults faults;
	struct world world;
	struct error err;
	int hits = 0;

	world_init(&world);
	memset(&faults, 0, sizeof(faults));
	assert_true(faults_read(&faults, &world, json, &err));
	for (int i = 0; i < 10; i++) {
		size_t place = 0;

		hits += faults_next(&faults, endpoint, account, &place) != NULL;
	}
	return hits;
}

static void faults_hit_whom_they_name_and_as_often(void **state)
{
	struct world_account account;
	struct world world;
	char json[200];

	world_init(&world);
	world_account(&world, 3, &account);
	assert_int_equal(count_hits("{\"fault\":\"drop\"}", ENDPOINT_TOKEN, 3), 1);
	assert_int_equal(count_hits("{\"fault\":\"drop\",\"count\":4}", ENDPOINT_TOKEN, 3), 4);
	assert_int_equal(count_hits("{\"fault\":\"drop\",\"count\":-1}", ENDPOINT_TOKEN, -1), 10);
	assert_int_equal(
		count_hits("{\"fault\":\"drop\",\"count\":-1,\"after\":8}", ENDPOINT_TOKEN, 3), 2);
	assert_int_equal(
		count_hits("{\"fault\":\"drop\",\"count\":-1,\"percent\":0}", ENDPOINT_TOKEN, 3),
		0);
	assert_int_equal(
		count_hits("[{\"fault\":\"delay\"},{\"fault\":\"drop\"}]", ENDPOINT_TOKEN, 3), 2);
	assert_int_equal(
		count_hits("{\"fault\":\"drop\",\"endpoint\":\"token\"}", ENDPOINT_USER_INFO, 3),
		0);
	snprintf(json, sizeof(json), "{\"fault\":\"revoke\",\"account\":\"%s\"}", account.open_id);
	assert_int_equal(count_hits(json, ENDPOINT_USER_INFO, 4), 0);
	assert_int_equal(count_hits(json, ENDPOINT_USER_INFO, -1), 0);
	assert_int_equal(count_hits(json, ENDPOINT_USER_INFO, 3), 1);
}

static void a_wrong_fault_adds_none(void **state)
{
	static struct faults faults;
	struct world world;
	struct error err;

	world_init(&world);
	assert_false(
		faults_read(&faults, &world, "[{\"fault\":\"drop\"},{\"fault\":\"x\"}]", &err));
	assert_false(faults_read(&faults, &world, "{\"fault\":\"drop\",\"endpoint\":\"x\"}", &err));
	assert_false(faults_read(&faults, &world, "{\"fault\":\"drop\",\"what\":1}", &err));
	assert_false(faults_read(&faults, &world, "not json", &err));
	assert_int_equal(faults.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_knob_has_its_own_name_and_help),
		cmocka_unit_test(the_initial_value_is_written_as_the_table_says),
		cmocka_unit_test(every_choice_is_read_back),
		cmocka_unit_test(what_is_no_value_changes_nothing),
		cmocka_unit_test(every_fault_has_its_own_name_and_help),
		cmocka_unit_test(faults_hit_whom_they_name_and_as_often),
		cmocka_unit_test(a_wrong_fault_adds_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
