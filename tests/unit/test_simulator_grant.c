/* SPDX-License-Identifier: MIT */
/*
 * Grants: rotation, superseded tokens, grace, lifetimes, codes and their challenge.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/simulator/grant.h"
#include "tests/simulator/scopes.h"

#define ACCOUNT   4
#define START_MS  INT64_C(1000000000000)
#define REDIRECT  "http://127.0.0.1:9000/callback/"
#define VERIFIER  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define HEX       "13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3"
#define BASE64URL "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

struct fixture {
	struct world world;
	struct knobs knobs;
	struct state state;
	struct tally tally;
	struct grants grants;
	char first[WORLD_TOKEN_SIZE]; /* refresh token of ACCOUNT */
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	world_init(&fixture->world);
	fixture->world.accounts = 10;
	knobs_init(&fixture->knobs);
	state_init(&fixture->state, &fixture->world, &fixture->knobs, START_MS);
	grants_init(&fixture->grants, &fixture->state, &fixture->tally);
	world_token(&fixture->world, WORLD_TOKEN_REFRESH, ACCOUNT, 1, fixture->first);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	state_finish(&fixture->state);
	free(fixture);
	return 0;
}

static void turn(struct fixture *fixture, const char *knob, const char *value)
{
	struct error err;

	assert_true(knobs_set(&fixture->knobs, knob, value, &err));
}

static const struct refusal *refresh(
	struct fixture *fixture, const char *token, int64_t now_ms, struct token_set *set)
{
	return grant_refresh(&fixture->grants, token, now_ms, set);
}

static bool access_is_good(struct fixture *fixture, const char *token, int64_t now_ms)
{
	uint32_t account;

	return state_find_access(&fixture->state, token, now_ms, &account) && account == ACCOUNT;
}

static void a_refresh_rotates_and_supersedes(void **state)
{
	struct fixture *fixture = *state;
	struct token_set set, again;

	assert_null(refresh(fixture, fixture->first, START_MS, &set));
	assert_string_not_equal(set.refresh, fixture->first);
	assert_int_equal(set.access_life_s, 7200);
	assert_int_equal(set.refresh_life_s, 15552000);
	assert_true(access_is_good(fixture, set.access, START_MS));
	assert_int_equal(fixture->tally.superseded_refresh_attempts, 0);

	assert_string_equal(
		refresh(fixture, fixture->first, START_MS, &again)->error, "invalid_grant");
	assert_int_equal(fixture->tally.superseded_refresh_attempts, 1);
	assert_null(refresh(fixture, set.refresh, START_MS, &again));
	assert_int_equal(fixture->tally.refreshes_granted, 2);
}

static void a_token_that_was_never_made_is_refused_and_not_counted(void **state)
{
	struct fixture *fixture = *state;
	struct token_set set;

	fixture->first[20] ^= 1;
	assert_non_null(refresh(fixture, fixture->first, START_MS, &set));
	assert_int_equal(fixture->tally.superseded_refresh_attempts, 0);
}

static void rotation_sometimes_returns_the_same_token(void **state)
{
	struct fixture *fixture = *state;
	struct token_set one, two;

	turn(fixture, "rotation", "sometimes");
	assert_null(refresh(fixture, fixture->first, START_MS, &one));
	assert_string_equal(one.refresh, fixture->first);
	assert_null(refresh(fixture, one.refresh, START_MS, &two));
	assert_string_not_equal(two.refresh, one.refresh);
	assert_string_not_equal(two.access, one.access);
}

static void grace_takes_the_last_token_for_its_time_only(void **state)
{
	struct fixture *fixture = *state;
	struct token_set one, two;

	turn(fixture, "rotation", "grace");
	turn(fixture, "rotation_grace_s", "30");
	assert_null(refresh(fixture, fixture->first, START_MS, &one));
	assert_null(refresh(fixture, fixture->first, START_MS + 29999, &two));
	assert_string_equal(two.refresh, one.refresh);
	assert_int_equal(fixture->tally.superseded_refresh_attempts, 0);
	assert_non_null(refresh(fixture, fixture->first, START_MS + 30000, &two));
	assert_int_equal(fixture->tally.superseded_refresh_attempts, 1);
}

static void access_tokens_die_at_their_expiry(void **state)
{
	struct fixture *fixture = *state;
	char first[WORLD_TOKEN_SIZE];

	world_token(&fixture->world, WORLD_TOKEN_ACCESS, ACCOUNT, 1, first);
	assert_true(access_is_good(fixture, first, START_MS + 7199999));
	assert_false(access_is_good(fixture, first, START_MS + 7200000));
}

static void the_legacy_profile_lives_longer(void **state)
{
	struct fixture *fixture = *state;
	struct token_set set;

	turn(fixture, "token_profile", "legacy");
	assert_null(refresh(fixture, fixture->first, START_MS, &set));
	assert_int_equal(set.access_life_s, 86400);
	assert_int_equal(set.refresh_life_s, 31536000);
}

static void the_refresh_expiry_counts_down_where_asked(void **state)
{
	struct fixture *fixture = *state;
	struct token_set set;

	turn(fixture, "refresh_expiry", "countdown");
	assert_null(refresh(fixture, fixture->first, START_MS + 1000000, &set));
	assert_int_equal(set.refresh_life_s, 15552000 - 1000);
	assert_non_null(refresh(fixture, set.refresh, START_MS + INT64_C(15552000) * 1000, &set));
}

static void the_old_access_token_dies_where_asked(void **state)
{
	struct fixture *fixture = *state;
	char first[WORLD_TOKEN_SIZE];
	struct token_set set;

	world_token(&fixture->world, WORLD_TOKEN_ACCESS, ACCOUNT, 1, first);
	assert_null(refresh(fixture, fixture->first, START_MS, &set));
	assert_true(access_is_good(fixture, first, START_MS));
	turn(fixture, "old_access_after_refresh", "killed");
	assert_null(refresh(fixture, set.refresh, START_MS, &set));
	assert_false(access_is_good(fixture, first, START_MS));
	assert_true(access_is_good(fixture, set.access, START_MS));
}

static void a_revoked_grant_refuses_everything_until_consent(void **state)
{
	struct fixture *fixture = *state;
	char first[WORLD_TOKEN_SIZE];
	struct token_set set;
	const char *code;

	world_token(&fixture->world, WORLD_TOKEN_ACCESS, ACCOUNT, 1, first);
	assert_null(grant_revoke(&fixture->grants, first, START_MS));
	assert_false(access_is_good(fixture, first, START_MS));
	assert_non_null(refresh(fixture, fixture->first, START_MS, &set));
	assert_string_equal(
		grant_revoke(&fixture->grants, first, START_MS)->error, "invalid_grant");

	code = grant_give_code(&fixture->grants, ACCOUNT, SCOPES_ALL, REDIRECT, HEX, START_MS);
	assert_null(grant_exchange(&fixture->grants, code, REDIRECT, VERIFIER, START_MS, &set));
	assert_true(access_is_good(fixture, set.access, START_MS));
}

static void tokens_of_an_earlier_run_are_adopted(void **state)
{
	struct fixture *fixture = *state;
	char later[WORLD_TOKEN_SIZE];
	struct token_set set;

	world_token(&fixture->world, WORLD_TOKEN_REFRESH, ACCOUNT, 9, later);
	assert_null(refresh(fixture, later, START_MS, &set));
	assert_non_null(refresh(fixture, fixture->first, START_MS, &set));

	turn(fixture, "adopt_tokens", "off");
	world_token(&fixture->world, WORLD_TOKEN_REFRESH, ACCOUNT, 20, later);
	assert_non_null(refresh(fixture, later, START_MS, &set));
}

static const struct refusal *exchange(struct fixture *fixture, const char *challenge,
	const char *redirect, const char *verifier, int64_t after_ms)
{
	const char *code = grant_give_code(
		&fixture->grants, ACCOUNT, SCOPE_VIDEO_LIST, REDIRECT, challenge, START_MS);
	struct token_set set;

	return grant_exchange(
		&fixture->grants, code, redirect, verifier, START_MS + after_ms, &set);
}

static void the_challenge_is_hex_and_not_base64url(void **state)
{
	struct fixture *fixture = *state;

	assert_null(exchange(fixture, HEX, REDIRECT, VERIFIER, 0));
	assert_ptr_equal(exchange(fixture, BASE64URL, REDIRECT, VERIFIER, 0), &refusal_pkce);
	assert_ptr_equal(exchange(fixture, HEX, REDIRECT, NULL, 0), &refusal_pkce);
	assert_ptr_equal(exchange(fixture, HEX, REDIRECT, "another", 0), &refusal_pkce);
	turn(fixture, "pkce", "ignored");
	assert_null(exchange(fixture, BASE64URL, REDIRECT, NULL, 0));
}

static void web_redirects_need_no_challenge_unless_asked(void **state)
{
	struct fixture *fixture = *state;

	assert_false(grant_needs_challenge(&fixture->grants, "https://example.com/callback/"));
	assert_true(grant_needs_challenge(&fixture->grants, REDIRECT));
	turn(fixture, "pkce", "hex");
	assert_true(grant_needs_challenge(&fixture->grants, "https://example.com/callback/"));
}

static void a_code_is_good_once_and_for_its_redirect_and_time(void **state)
{
	struct fixture *fixture = *state;
	const char *code = grant_give_code(
		&fixture->grants, ACCOUNT, SCOPE_VIDEO_LIST, REDIRECT, HEX, START_MS);
	struct token_set set;

	assert_null(grant_exchange(&fixture->grants, code, REDIRECT, VERIFIER, START_MS, &set));
	assert_int_equal(set.scopes, SCOPE_VIDEO_LIST);
	assert_string_equal(
		grant_exchange(&fixture->grants, code, REDIRECT, VERIFIER, START_MS, &set)->error,
		"invalid_grant");
	assert_non_null(exchange(fixture, HEX, "http://127.0.0.1:9000/other/", VERIFIER, 0));
	assert_null(exchange(fixture, HEX, REDIRECT, VERIFIER, 299999));
	assert_non_null(exchange(fixture, HEX, REDIRECT, VERIFIER, 300000));
}

static void a_failed_exchange_burns_the_code(void **state)
{
	struct fixture *fixture = *state;
	const char *code = grant_give_code(
		&fixture->grants, ACCOUNT, SCOPE_VIDEO_LIST, REDIRECT, HEX, START_MS);
	struct token_set set;

	assert_non_null(grant_exchange(&fixture->grants, code, REDIRECT, "no", START_MS, &set));
	assert_non_null(grant_exchange(&fixture->grants, code, REDIRECT, VERIFIER, START_MS, &set));
}

static void redirect_uris_follow_the_rules_of_login_kit(void **state)
{
	assert_true(grant_redirect_is_valid("https://example.com/callback/"));
	assert_true(grant_redirect_is_valid("http://localhost:80/callback/"));
	assert_false(grant_redirect_is_valid("http://localhost/callback/"));
	assert_false(grant_redirect_is_valid("http://example.com/callback/"));
	assert_false(grant_redirect_is_valid("https://example.com/callback/?x=1"));
	assert_false(grant_redirect_is_valid("https://example.com/callback/#x"));
	assert_false(grant_redirect_is_valid("https://"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_refresh_rotates_and_supersedes, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_token_that_was_never_made_is_refused_and_not_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(
			rotation_sometimes_returns_the_same_token, setup, teardown),
		cmocka_unit_test_setup_teardown(
			grace_takes_the_last_token_for_its_time_only, setup, teardown),
		cmocka_unit_test_setup_teardown(access_tokens_die_at_their_expiry, setup, teardown),
		cmocka_unit_test_setup_teardown(the_legacy_profile_lives_longer, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_refresh_expiry_counts_down_where_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_old_access_token_dies_where_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_revoked_grant_refuses_everything_until_consent, setup, teardown),
		cmocka_unit_test_setup_teardown(
			tokens_of_an_earlier_run_are_adopted, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_challenge_is_hex_and_not_base64url, setup, teardown),
		cmocka_unit_test_setup_teardown(
			web_redirects_need_no_challenge_unless_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_code_is_good_once_and_for_its_redirect_and_time, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failed_exchange_burns_the_code, setup, teardown),
		cmocka_unit_test(redirect_uris_follow_the_rules_of_login_kit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
