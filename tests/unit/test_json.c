/* SPDX-License-Identifier: MIT */
/*
 * Tests of common/json.c and common/json_syntax.c: above all what json-c alone would let pass.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/json.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct json *parse(const char *text)
{
	struct json *document = NULL;
	struct error err;

	if (!json_parse(text, strlen(text), &document, &err))
		fail_msg("%s: %s", text, err.text);
	return document;
}

static void assert_refused(const char *bytes, size_t length)
{
	char untouched;
	struct json *document = (struct json *)&untouched;
	struct error err;

	if (json_parse(bytes, length, &document, &err))
		fail_msg("accepted: %.*s", (int)length, bytes);
	assert_int_equal(err.class, ERROR_BAD_REPLY);
	assert_ptr_equal(document, &untouched);
}

static void assert_all_refused(const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_refused(texts[i], strlen(texts[i]));
}

static void every_kind_of_value_is_accepted(void **state)
{
	static const char *const texts[] = {"null", "true", "false", "0", "-0", "12", "-1.5e+10",
		"0.1E-2", "\"\"", "\"a\"", "[]", "{}", " [ 1 , 2 ] ", "\t{\r\n\"a\" : [ { } ] }",
		"[9223372036854775808,99999999999999999999999,1e400]"};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct json *document = parse(texts[i]);
		struct text out = {0};

		if (document)
			json_write(document, &out);
		assert_true(document ? out.length > 0 : i == 0);
		text_finish(&out);
		json_destroy(document);
	}
}

static void a_document_need_not_be_terminated(void **state)
{
	struct json *document = NULL;
	struct error err;
	int64_t number;

	assert_true(json_parse("{\"a\":12}garbage", 8, &document, &err));
	assert_int_equal(json_integer(document, "a", &number), JSON_FOUND);
	assert_int_equal(number, 12);
	json_destroy(document);
}

static void what_is_not_json_is_refused(void **state)
{
	static const char *const texts[] = {"", " ", "{", "[", "{\"a\"", "{\"a\":", "{\"a\":1",
		"{\"a\":1,", "{\"a\":1,}", "[1,]", "[,1]", "[1 2]", "{\"a\" 1}", "{a:1}", "{1:1}",
		"\"", "\"a", "nul", "nullx", "TRUE", "True", "[1]x", "[1]]", "{}{}", "[1]//",
		"/**/[1]", "\f[1]", "[1]\v", "\xef\xbb\xbf[1]", "\xc2\xa0[1]", "[", "]", ":"};

	assert_all_refused(texts, COUNT(texts));
}

/* json-c 0.16 accepts each of these in its strict mode. */
static void what_json_c_lets_pass_is_refused(void **state)
{
	static const char *const texts[] = {"{'a':1}", "[NaN]", "NaN", "[Infinity]", "[-Infinity]",
		"[00]", "[-01]", "[01.5]", "[1.]", "[\"a\tb\"]", "[\"a\nb\"]", "[\"\x01\"]",
		"{\"a\":1,\"a\":2}", "{\"b\":[{\"a\":1,\"a\":1}]}", "{\"a\":1,\"\\u0061\":2}",
		"{\"a\\u0000b\":1}"};

	assert_all_refused(texts, COUNT(texts));
}

static void badly_written_numbers_are_refused(void **state)
{
	static const char *const texts[] = {"01", "-", "--1", "+1", ".5", "1.", "1e", "1e+", "1-2",
		"1.2.3", "0x1", "1e5e5", "- 1"};

	assert_all_refused(texts, COUNT(texts));
}

static void badly_written_strings_are_refused(void **state)
{
	static const char *const texts[] = {"['a']", "\"\\x\"", "\"\\\"", "\"\\u12\"",
		"\"\\u12g4\"", "\"\\U0041\"", "\"\\u\"", "\"\\", "\"\\u00"};

	assert_all_refused(texts, COUNT(texts));
}

static void bytes_that_are_not_utf8_are_refused(void **state)
{
	static const char *const texts[] = {"\"\xff\"", "\"\xc0\x80\"", "\"\xe0\x80\x80\"",
		"\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "\"\x80\"",
		"{\"\xff\":1}"};

	assert_all_refused(texts, COUNT(texts));
}

static void a_nul_byte_ends_nothing(void **state)
{
	assert_refused("[1]\0", 4);
	assert_refused("[1\0]", 4);
	assert_refused("[\"a\0b\"]", 7);
	assert_refused("\0", 1);
}

static void depth_is_bounded(void **state)
{
	char text[2 * JSON_DEPTH_MAX + 4];
	struct json *document;

	memset(text, '[', JSON_DEPTH_MAX);
	text[JSON_DEPTH_MAX] = '1';
	memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX);
	text[2 * JSON_DEPTH_MAX + 1] = '\0';
	document = parse(text);
	assert_int_equal(json_array_length(document), 1);
	json_destroy(document);

	memset(text, '[', JSON_DEPTH_MAX + 1);
	memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	assert_refused(text, 2 * JSON_DEPTH_MAX + 2);
}

static void siblings_do_not_count_as_depth(void **state)
{
	struct text text = {0};
	struct json *document;

	text_append_char(&text, '[');
	for (int i = 0; i < 100; i++)
		text_append(&text, "[[]],{\"a\":[]},");
	text_append(&text, "[]]");
	document = parse(text.data);
	assert_int_equal(json_array_length(document), 201);
	json_destroy(document);
	text_finish(&text);
}

static void the_error_says_where_and_quotes_nothing(void **state)
{
	static const char text[] = "{\"token\":\"act.secret\"x";
	struct json *document = NULL;
	struct error err;

	assert_false(json_parse(text, strlen(text), &document, &err));
	assert_non_null(strstr(err.text, "at byte 21"));
	assert_null(strstr(err.text, "secret"));
}

static void members_are_found_by_type(void **state)
{
	struct json *document = parse("{\"o\":{\"s\":\"x\"},\"a\":[1,{}],\"n\":null,\"t\":true}");
	const char *string = "untouched";
	bool value = false;

	assert_true(json_is_object(document));
	assert_int_equal(json_string(json_object(document, "o"), "s", 10, &string), JSON_FOUND);
	assert_string_equal(string, "x");
	assert_null(json_object(document, "a"));
	assert_null(json_object(document, "n"));
	assert_null(json_object(document, "none"));
	assert_null(json_array(document, "o"));
	assert_int_equal(json_array_length(json_array(document, "a")), 2);
	assert_false(json_is_object(json_array_at(json_array(document, "a"), 0)));
	assert_true(json_is_object(json_array_at(json_array(document, "a"), 1)));
	assert_int_equal(json_boolean(document, "t", &value), JSON_FOUND);
	assert_true(value);
	assert_int_equal(json_boolean(document, "n", &value), JSON_ABSENT);
	assert_int_equal(json_boolean(document, "o", &value), JSON_WRONG);
	json_destroy(document);
}

static void what_is_no_object_has_no_members(void **state)
{
	struct json *array = parse("[1]"), *null = parse("null");
	const char *string = "untouched";
	int64_t number = 7;

	assert_null(null);
	assert_int_equal(json_string(null, "a", 10, &string), JSON_ABSENT);
	assert_int_equal(json_string(array, "a", 10, &string), JSON_ABSENT);
	assert_int_equal(json_integer(array, "a", &number), JSON_ABSENT);
	assert_int_equal(json_array_length(null), 0);
	assert_false(json_is_object(null));
	assert_string_equal(string, "untouched");
	assert_int_equal(number, 7);
	json_destroy(array);
}

static void strings_are_bounded_in_bytes(void **state)
{
	struct json *document = parse("{\"s\":\"\xc3\xa9\xc3\xa9\"}");
	const char *string = "untouched";

	assert_int_equal(json_string(document, "s", 3, &string), JSON_WRONG);
	assert_string_equal(string, "untouched");
	assert_int_equal(json_string(document, "s", 4, &string), JSON_FOUND);
	assert_string_equal(string, "\xc3\xa9\xc3\xa9");
	json_destroy(document);
}

static void a_string_with_a_nul_is_wrong(void **state)
{
	struct json *document = parse("{\"s\":\"a\\u0000b\",\"z\":\"\\u0000\",\"n\":1}");
	const char *string = "untouched";

	assert_int_equal(json_string(document, "s", 10, &string), JSON_WRONG);
	assert_int_equal(json_string(document, "z", 10, &string), JSON_WRONG);
	assert_int_equal(json_string(document, "n", 10, &string), JSON_WRONG);
	assert_string_equal(string, "untouched");
	json_destroy(document);
}

static void half_a_surrogate_pair_becomes_a_replacement_character(void **state)
{
	static const char *const pairs[][2] = {
		{"{\"s\":\"\\ud83d\\ude00\"}", "\xf0\x9f\x98\x80"},
		{"{\"s\":\"\\ud83d\"}", "\xef\xbf\xbd"},
		{"{\"s\":\"\\ude00\"}", "\xef\xbf\xbd"},
		{"{\"s\":\"\\ud83dx\"}", "\xef\xbf\xbdx"},
		{"{\"s\":\"\\ud83d\\u0041\"}", "\xef\xbf\xbd"
					       "A"},
		{"{\"s\":\"\\ud83d\\ud83d\\ude00\"}", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
		{"{\"s\":\"\\ude00\\ud83d\"}", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"{\"s\":\"\\ud83d\\n\"}", "\xef\xbf\xbd\n"},
	};

	for (size_t i = 0; i < COUNT(pairs); i++) {
		struct json *document = parse(pairs[i][0]);
		const char *string = "";

		assert_int_equal(json_string(document, "s", 100, &string), JSON_FOUND);
		assert_string_equal(string, pairs[i][1]);
		json_destroy(document);
	}
}

struct number_case {
	const char *text;
	enum json_presence presence;
	int64_t number;
};

static void check_numbers(const struct number_case *cases, size_t count,
	enum json_presence (*read)(const struct json *object, const char *name, int64_t *number))
{
	for (size_t i = 0; i < count; i++) {
		struct text text = {0};
		struct json *document;
		int64_t number = 77;

		text_append_format(&text, "{\"n\":%s}", cases[i].text);
		document = parse(text.data);
		if (read(document, "n", &number) != cases[i].presence)
			fail_msg("presence of %s", cases[i].text);
		assert_true(number == (cases[i].presence == JSON_FOUND ? cases[i].number : 77));
		json_destroy(document);
		text_finish(&text);
	}
}

static void integers_are_whole_and_fit_64_bits(void **state)
{
	static const struct number_case cases[] = {
		{"0", JSON_FOUND, 0},
		{"-0", JSON_FOUND, 0},
		{"-5", JSON_FOUND, -5},
		{"9223372036854775807", JSON_FOUND, INT64_MAX},
		{"-9223372036854775807", JSON_FOUND, -INT64_MAX},
		{"9223372036854775808", JSON_WRONG, 0},
		{"18446744073709551615", JSON_WRONG, 0},
		{"18446744073709551616", JSON_WRONG, 0},
		{"-9223372036854775809", JSON_WRONG, 0},
		{"99999999999999999999999999", JSON_WRONG, 0},
		{"1.0", JSON_WRONG, 0},
		{"1e2", JSON_WRONG, 0},
		{"1.5", JSON_WRONG, 0},
		{"\"1\"", JSON_WRONG, 0},
		{"true", JSON_WRONG, 0},
		{"[]", JSON_WRONG, 0},
		{"null", JSON_ABSENT, 0},
	};

	check_numbers(cases, COUNT(cases), json_integer);
}

static void saturated_integers_stop_at_the_ends(void **state)
{
	static const struct number_case cases[] = {
		{"5", JSON_FOUND, 5},
		{"9223372036854775808", JSON_FOUND, INT64_MAX},
		{"99999999999999999999999999", JSON_FOUND, INT64_MAX},
		{"-9223372036854775808", JSON_FOUND, INT64_MIN},
		{"-99999999999999999999999999", JSON_FOUND, INT64_MIN},
		{"1e30", JSON_WRONG, 0},
		{"\"5\"", JSON_WRONG, 0},
		{"null", JSON_ABSENT, 0},
	};

	check_numbers(cases, COUNT(cases), json_saturated_integer);
}

static void lenient_integers_may_be_strings_of_digits(void **state)
{
	static const struct number_case cases[] = {
		{"86400", JSON_FOUND, 86400},
		{"\"86400\"", JSON_FOUND, 86400},
		{"\"0\"", JSON_FOUND, 0},
		{"\"999999999999999999\"", JSON_FOUND, 999999999999999999},
		{"\"9999999999999999999\"", JSON_WRONG, 0},
		{"\"\"", JSON_WRONG, 0},
		{"\"-1\"", JSON_WRONG, 0},
		{"\" 1\"", JSON_WRONG, 0},
		{"\"1.0\"", JSON_WRONG, 0},
		{"\"1\\u0000\"", JSON_WRONG, 0},
		{"1.0", JSON_WRONG, 0},
		{"null", JSON_ABSENT, 0},
	};

	check_numbers(cases, COUNT(cases), json_lenient_integer);
}

static void unknown_members_survive_writing(void **state)
{
	struct json *document = parse(
		"{\"a\":1,\"x\":{\"y\":[1.50,18446744073709551615,\"\\u00e9/\\\"\\n\"]},\"s\":\"t\"}");
	struct text out = {0};

	json_set_integer(document, "a", -2);
	json_set_string(document, "s", "\xe2\x82\xac\"");
	json_set_integer(document, "new", 3);
	json_write(document, &out);
	assert_string_equal(out.data,
		"{\"a\":-2,\"x\":{\"y\":[1.50,18446744073709551615,\"\xc3\xa9/\\\"\\n\"]},"
		"\"s\":\"\xe2\x82\xac\\\"\",\"new\":3}");
	text_finish(&out);
	json_destroy(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_value_is_accepted),
		cmocka_unit_test(a_document_need_not_be_terminated),
		cmocka_unit_test(what_is_not_json_is_refused),
		cmocka_unit_test(what_json_c_lets_pass_is_refused),
		cmocka_unit_test(badly_written_numbers_are_refused),
		cmocka_unit_test(badly_written_strings_are_refused),
		cmocka_unit_test(bytes_that_are_not_utf8_are_refused),
		cmocka_unit_test(a_nul_byte_ends_nothing),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(siblings_do_not_count_as_depth),
		cmocka_unit_test(the_error_says_where_and_quotes_nothing),
		cmocka_unit_test(members_are_found_by_type),
		cmocka_unit_test(what_is_no_object_has_no_members),
		cmocka_unit_test(strings_are_bounded_in_bytes),
		cmocka_unit_test(a_string_with_a_nul_is_wrong),
		cmocka_unit_test(half_a_surrogate_pair_becomes_a_replacement_character),
		cmocka_unit_test(integers_are_whole_and_fit_64_bits),
		cmocka_unit_test(saturated_integers_stop_at_the_ends),
		cmocka_unit_test(lenient_integers_may_be_strings_of_digits),
		cmocka_unit_test(unknown_members_survive_writing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
