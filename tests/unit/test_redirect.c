/* SPDX-License-Identifier: MIT */
/*
 * Redirect addresses, what comes back at them, and the address of the consent page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/tiktok_oauth.h"
#include "operator/redirect.h"

/* ---- The registered address ---- */

static void addresses_are_taken_as_tiktok_registers_them(void **state)
{
	static const struct {
		const char *uri;
		bool ok, is_loopback, is_plain, any_port;
		int port;
		const char *path;
	} cases[] = {
		{"http://127.0.0.1:*/callback/", true, true, true, true, 0, "/callback/"},
		{"http://localhost:8080/cb", true, true, true, false, 8080, "/cb"},
		{"https://127.0.0.1:8443", true, true, false, false, 8443, "/"},
		{"https://shops.example/tiktok/", true, false, false, false, 0, "/tiktok/"},
		{"https://shops.example:8443/t", true, false, false, false, 0, "/t"},
		{"http://127.0.0.1/callback/", false, false, false, false, 0, NULL},
		{"http://127.0.0.1:0/", false, false, false, false, 0, NULL},
		{"http://127.0.0.1:65536/", false, false, false, false, 0, NULL},
		{"http://127.0.0.1:*x/", false, false, false, false, 0, NULL},
		{"http://shops.example/", false, false, false, false, 0, NULL},
		{"https:///path", false, false, false, false, 0, NULL},
		{"https://shops.example/?a=b", false, false, false, false, 0, NULL},
		{"https://shops.example/#x", false, false, false, false, 0, NULL},
		{"ftp://127.0.0.1:1/", false, false, false, false, 0, NULL},
		{"nonsense", false, false, false, false, 0, NULL},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct redirect_uri read;
		struct error err;
		bool ok = redirect_uri_read(cases[i].uri, &read, &err);

		if (ok != cases[i].ok)
			fail_msg("%s is %s", cases[i].uri, ok ? "taken" : err.text);
		if (!ok)
			continue;
		assert_int_equal(read.is_loopback, cases[i].is_loopback);
		assert_int_equal(read.is_plain, cases[i].is_plain);
		assert_int_equal(read.any_port, cases[i].any_port);
		assert_int_equal(read.port, cases[i].port);
		assert_string_equal(read.path, cases[i].path);
	}
}

static void the_port_stands_in_the_place_of_the_star(void **state)
{
	struct text out = {0};

	redirect_uri_write("http://127.0.0.1:*/call*back/", 4711, &out);
	assert_string_equal(text_string(&out), "http://127.0.0.1:4711/call*back/");
	text_clear(&out);
	redirect_uri_write("http://127.0.0.1:80/", 4711, &out);
	assert_string_equal(text_string(&out), "http://127.0.0.1:80/");
	text_finish(&out);
}

/* ---- What comes back ---- */

static void codes_are_decoded_once(void **state)
{
	struct redirect redirect;
	struct error err;

	assert_true(redirect_read(
		"code=a%2A0%216410%2525&scopes=user.info.basic%2Cvideo.list&state=s+t&x=y",
		&redirect, &err));
	assert_string_equal(redirect.code, "a*0!6410%25");
	assert_string_equal(redirect.scopes, "user.info.basic,video.list");
	assert_string_equal(redirect.state, "s t");
	assert_null(redirect.error);
	redirect_finish(&redirect);
}

static void odd_queries_are_refused(void **state)
{
	static const char *const odd[] = {"code=a&code=b", "state=%", "state=%2", "state=%zz",
		"state=%00", "%63ode=a&code=b"};
	struct redirect redirect;
	struct error err;
	char *huge = malloc(REDIRECT_QUERY_MAX + 2);

	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		if (redirect_read(odd[i], &redirect, &err))
			fail_msg("%s is taken", odd[i]);
		redirect_finish(&redirect);
	}
	memset(huge, 'a', REDIRECT_QUERY_MAX + 1);
	huge[REDIRECT_QUERY_MAX + 1] = '\0';
	assert_false(redirect_read(huge, &redirect, &err));
	redirect_finish(&redirect);
	free(huge);
}

static enum redirect_verdict judge(const char *query, struct error *err)
{
	struct redirect redirect;
	enum redirect_verdict verdict;

	assert_true(redirect_read(query, &redirect, err));
	verdict = redirect_judge(&redirect, "right", err);
	redirect_finish(&redirect);
	return verdict;
}

static void only_our_state_is_an_answer(void **state)
{
	struct error err;

	assert_int_equal(judge("code=c&state=right", &err), REDIRECT_GRANTED);
	assert_int_equal(judge("code=c&state=righ", &err), REDIRECT_STRANGER);
	assert_int_equal(judge("code=c&state=right1", &err), REDIRECT_STRANGER);
	assert_int_equal(judge("code=c&state=", &err), REDIRECT_STRANGER);
	assert_int_equal(judge("code=c", &err), REDIRECT_STRANGER);
	assert_int_equal(judge("error=access_denied", &err), REDIRECT_STRANGER);
	assert_int_equal(judge("", &err), REDIRECT_STRANGER);
}

static void refusals_are_told_in_safe_words(void **state)
{
	struct error err;

	assert_int_equal(judge("state=right", &err), REDIRECT_REFUSED);
	assert_non_null(strstr(err.text, "neither a code nor an error"));
	assert_int_equal(judge("state=right&code=", &err), REDIRECT_REFUSED);
	assert_int_equal(
		judge("state=right&code=c&error=access_denied&error_description=%1b%5B31m%0aNo",
			&err),
		REDIRECT_REFUSED);
	assert_string_equal(err.text, "TikTok gave no access: access_denied: ?[31m?No");
}

/* ---- The consent page ---- */

/* The verifier of RFC 7636, appendix B, and its digest as TikTok's desktop page wants it: hex, not base64url. */
static void the_challenge_is_in_hex(void **state)
{
	char challenge[TIKTOK_CHALLENGE_SIZE];

	tiktok_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", challenge);
	assert_string_equal(
		challenge, "13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3");
}

static void the_address_has_what_tiktok_asks_for(void **state)
{
	struct tiktok_consent consent = {
		.auth_url = "https://www.tiktok.com",
		.client_key = "key",
		.scopes = "user.info.basic,video.list",
		.redirect_uri = "http://127.0.0.1:80/cb/",
		.state = "s",
		.verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
	};
	struct text url = {0};

	tiktok_write_consent_url(&consent, &url);
	assert_string_equal(text_string(&url),
		"https://www.tiktok.com/v2/auth/authorize/?client_key=key&response_type=code"
		"&scope=user.info.basic%2Cvideo.list&redirect_uri=http%3A%2F%2F127.0.0.1%3A80%2Fcb%2F&state=s"
		"&code_challenge=13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3"
		"&code_challenge_method=S256");
	text_clear(&url);
	consent.verifier = NULL;
	tiktok_write_consent_url(&consent, &url);
	assert_null(strstr(text_string(&url), "code_challenge"));
	text_finish(&url);
}

static void a_code_is_encoded_once_in_the_exchange(void **state)
{
	const struct tiktok_app app = {
		.api_url = "https://api", .client_key = "key", .client_secret = "secret"};
	struct tiktok_call call = {0};

	tiktok_write_exchange_call(&app, "a*0!6410%25", "http://127.0.0.1:80/", NULL, &call);
	assert_string_equal(text_string(&call.url), "https://api/v2/oauth/token/");
	assert_string_equal(text_string(&call.body),
		"client_key=key&client_secret=secret&code=a%2A0%216410%2525&grant_type=authorization_code"
		"&redirect_uri=http%3A%2F%2F127.0.0.1%3A80%2F");
	tiktok_call_finish(&call);
}

static void a_revocation_has_no_body_or_an_empty_object(void **state)
{
	static const struct {
		int status;
		const char *body;
		bool ok;
		enum error_class class;
	} cases[] = {
		{200, "", true, ERROR_NONE},
		{200, "{}", true, ERROR_NONE},
		{200, "{\"error\":\"invalid_grant\",\"error_description\":\"x\"}", false,
			ERROR_TOKEN_REVOKED},
		{500, "", false, ERROR_SERVER},
		{200, "<html>", false, ERROR_BAD_REPLY},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct http_reply reply = {.status = cases[i].status,
			.body = cases[i].body,
			.length = strlen(cases[i].body)};
		struct error err = {0};

		assert_int_equal(tiktok_read_revocation(&reply, &err), cases[i].ok);
		assert_int_equal(err.class, cases[i].class);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_taken_as_tiktok_registers_them),
		cmocka_unit_test(the_port_stands_in_the_place_of_the_star),
		cmocka_unit_test(codes_are_decoded_once),
		cmocka_unit_test(odd_queries_are_refused),
		cmocka_unit_test(only_our_state_is_an_answer),
		cmocka_unit_test(refusals_are_told_in_safe_words),
		cmocka_unit_test(the_challenge_is_in_hex),
		cmocka_unit_test(the_address_has_what_tiktok_asks_for),
		cmocka_unit_test(a_code_is_encoded_once_in_the_exchange),
		cmocka_unit_test(a_revocation_has_no_body_or_an_empty_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
