/* SPDX-License-Identifier: MIT */
/*
 * Tests of common/memory.c and common/text.c.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory.h"
#include "common/text.h"

static void allocated_memory_is_zeroed(void **state)
{
	static const char zeros[1000];
	char *memory = memory_allocate(10, 100);

	assert_memory_equal(memory, zeros, sizeof zeros);
	free(memory);
}

static void nothing_can_be_allocated(void **state)
{
	char *memory = memory_allocate(0, 0);

	assert_non_null(memory);
	memory = memory_resize(memory, 0, 8);
	assert_non_null(memory);
	free(memory);
}

static void resizing_keeps_the_contents(void **state)
{
	char *memory = memory_copy_text("contents");

	memory = memory_resize(memory, 1000, 1000);
	assert_string_equal(memory, "contents");
	free(memory);
}

static void without_memory_the_process_ends(void **state)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		volatile size_t count = SIZE_MAX / 2;

		/* Not even the report of a sanitizer is wanted. */
		close(STDERR_FILENO);
		free(memory_resize(NULL, count, 4));
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void copies_are_equal_and_their_own(void **state)
{
	char original[] = "text";
	char *copy = memory_copy_text(original);
	char *part = memory_copy_bytes(original, 2);
	char *empty = memory_copy_bytes(NULL, 0);

	original[0] = 'n';
	assert_string_equal(copy, "text");
	assert_string_equal(part, "te");
	assert_string_equal(empty, "");
	assert_null(memory_copy_text(NULL));
	free(copy);
	free(part);
	free(empty);
	memory_free_secret(NULL);
	memory_free_secret(memory_copy_text("secret"));
}

static void an_empty_text_reads_as_an_empty_string(void **state)
{
	struct text text = {0};

	assert_string_equal(text_string(&text), "");
	text_clear(&text);
	assert_string_equal(text_string(&text), "");
	text_finish(&text);
	text_finish_secret(&text);
	assert_null(text.data);
}

static void appending_keeps_order_length_and_terminator(void **state)
{
	struct text text = {0};

	text_append(&text, "one");
	text_append(&text, "");
	text_append_char(&text, ',');
	text_append_bytes(&text, "two, three", 3);
	text_append_bytes(&text, NULL, 0);
	text_append_format(&text, ",%d-%s", 3, "x");
	assert_string_equal(text.data, "one,two,3-x");
	assert_int_equal(text.length, strlen(text.data));
	assert_true(text.capacity > text.length);
	text_finish(&text);
	assert_int_equal(text.capacity, 0);
}

static void a_text_grows_as_far_as_needed(void **state)
{
	struct text text = {0};

	for (int i = 0; i < 10000; i++) {
		text_append_format(&text, "%04d", i);
		assert_int_equal(text.data[text.length], '\0');
	}
	assert_int_equal(text.length, 40000);
	assert_memory_equal(text.data + 39996, "9999", 5);
	text_finish(&text);
}

static void bytes_may_be_nul(void **state)
{
	struct text text = {0};

	text_append_bytes(&text, "a\0b", 3);
	text_append_char(&text, '\0');
	assert_int_equal(text.length, 4);
	assert_memory_equal(text.data, "a\0b\0", 5);
	text_finish(&text);
}

static void reserving_changes_nothing_but_the_room(void **state)
{
	struct text text = {0};
	char *end;

	text_append(&text, "kept");
	end = text_reserve(&text, 5000);
	assert_int_equal(text.length, 4);
	assert_string_equal(text.data, "kept");
	assert_ptr_equal(end, text.data + 4);
	assert_true(text.capacity >= 4 + 5000 + 1);
	text_finish(&text);
}

static void clearing_keeps_the_memory(void **state)
{
	struct text text = {0};
	size_t capacity;

	text_append(&text, "some text");
	capacity = text.capacity;
	text_clear(&text);
	assert_string_equal(text_string(&text), "");
	assert_int_equal(text.length, 0);
	assert_int_equal(text.capacity, capacity);
	text_finish(&text);
}

static void a_format_longer_than_the_room_is_not_cut(void **state)
{
	struct text text = {0};

	text_append_format(&text, "%0500d|%s", 7, "end");
	assert_int_equal(text.length, 504);
	assert_string_equal(text.data + 499, "7|end");
	text_finish(&text);
}

static void json_escapes_what_json_does_not_allow(void **state)
{
	struct text text = {0};

	text_append_json(&text, "\"\\\n\t\x01\x7f/\xc3\xa9\xf0\x9f\x98\x80");
	assert_string_equal(text.data, "\\\"\\\\\\n\\u0009\\u0001\\u007f/\xc3\xa9\xf0\x9f\x98\x80");
	text_finish(&text);
}

static void json_has_no_bytes_that_are_not_utf8(void **state)
{
	struct text text = {0};

	text_append_json(&text, "a\xff"
				"b\xe2\x82"
				"c\xed\xa0\x80");
	assert_string_equal(text.data, "a\\ufffdb\\ufffd\\ufffdc\\ufffd\\ufffd\\ufffd");
	text_finish(&text);
}

static void urls_escape_all_but_unreserved_characters(void **state)
{
	struct text text = {0};

	text_append_url(&text, "aZ09-._~ &=+%/?\xc3\xa9");
	assert_string_equal(text.data, "aZ09-._~%20%26%3D%2B%25%2F%3F%C3%A9");
	text_finish(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocated_memory_is_zeroed),
		cmocka_unit_test(nothing_can_be_allocated),
		cmocka_unit_test(resizing_keeps_the_contents),
		cmocka_unit_test(without_memory_the_process_ends),
		cmocka_unit_test(copies_are_equal_and_their_own),
		cmocka_unit_test(an_empty_text_reads_as_an_empty_string),
		cmocka_unit_test(appending_keeps_order_length_and_terminator),
		cmocka_unit_test(a_text_grows_as_far_as_needed),
		cmocka_unit_test(bytes_may_be_nul),
		cmocka_unit_test(reserving_changes_nothing_but_the_room),
		cmocka_unit_test(clearing_keeps_the_memory),
		cmocka_unit_test(a_format_longer_than_the_room_is_not_cut),
		cmocka_unit_test(json_escapes_what_json_does_not_allow),
		cmocka_unit_test(json_has_no_bytes_that_are_not_utf8),
		cmocka_unit_test(urls_escape_all_but_unreserved_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
