/* SPDX-License-Identifier: MIT */
/*
 * Tests of operator/dead_fingerprint.c: equal causes look alike, different ones do not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "operator/dead_fingerprint.h"

static void expect(const char *error_text, const char *fingerprint)
{
	struct text out = {0};

	dead_fingerprint(error_text, &out);
	assert_string_equal(text_string(&out), fingerprint);
	text_finish(&out);
}

static void plain_words_stay_as_they_are(void **state)
{
	expect("the merchant has to connect the account again",
		"the merchant has to connect the account again");
	expect("", "");
}

static void numbers_become_a_sign(void **state)
{
	expect("HTTP status 503 after 12000 ms", "HTTP status # after # ms");
	expect("v2: 1.5 s, account-17", "v#: #.# s, account-#");
}

static void ids_become_a_sign(void **state)
{
	expect("job 0a1b2c3d-0000-4000-8000-0123456789ab failed", "job <id> failed");
	expect("lease deadbeef01 is gone", "lease <id> is gone");
	expect("trace 20220829194722CBE87ED59D524E727021", "trace <id>");
}

static void hex_without_digits_is_a_word(void **state)
{
	expect("defaced facade", "defaced facade");
}

static void what_follows_log_id_becomes_a_sign(void **state)
{
	expect("internal_error (log_id abc)", "internal_error (log_id <id>)");
	expect("log_id: \"xyz\", done", "log_id: <id>, done");
}

static void quoted_values_become_a_sign(void **state)
{
	expect("there is no store \"shop 7\" any more", "there is no store \"...\" any more");
	expect("member 'video_id' is wrong", "member \"...\" is wrong");
}

static void apostrophes_do_not_quote(void **state)
{
	expect("TikTok's answer isn't JSON", "TikTok's answer isn't JSON");
	expect("an open \"quote", "an open \"quote");
}

static void white_space_and_controls_become_one_blank(void **state)
{
	expect("  one\n\ttwo\x1b[31m ", "one two [#m");
}

static void long_texts_are_cut_at_a_character(void **state)
{
	struct text in = {0}, out = {0};

	text_append_char(&in, 'x');
	for (int i = 0; i < 200; i++)
		text_append(&in, "\xc3\xa9");
	dead_fingerprint(text_string(&in), &out);

	assert_int_equal(out.length, 159);
	assert_int_equal((unsigned char)out.data[158], 0xa9);
	text_finish(&in);
	text_finish(&out);
}

static void it_is_added_to_what_is_there(void **state)
{
	struct text out = {0};

	text_append(&out, "server 5: ");
	dead_fingerprint("status 500", &out);

	assert_string_equal(text_string(&out), "server 5: status #");
	text_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_words_stay_as_they_are),
		cmocka_unit_test(numbers_become_a_sign),
		cmocka_unit_test(ids_become_a_sign),
		cmocka_unit_test(hex_without_digits_is_a_word),
		cmocka_unit_test(what_follows_log_id_becomes_a_sign),
		cmocka_unit_test(quoted_values_become_a_sign),
		cmocka_unit_test(apostrophes_do_not_quote),
		cmocka_unit_test(white_space_and_controls_become_one_blank),
		cmocka_unit_test(long_texts_are_cut_at_a_character),
		cmocka_unit_test(it_is_added_to_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
