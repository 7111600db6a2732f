/* SPDX-License-Identifier: MIT */
/*
 * Codes, refreshes and revocations. The server thread runs this.
 */
#include "tests/simulator/grant.h"

#include <string.h>

#include "common/crypto.h"
#include "tests/simulator/pen.h"

const struct refusal refusal_invalid_client = {
	"invalid_client", "Client key or secret is incorrect."};
const struct refusal refusal_malformed = {
	"invalid_request", "The request parameters are malformed."};
const struct refusal refusal_pkce = {
	"invalid_request", "Code verifier or code challenge is invalid."};
static const struct refusal code_invalid = {"invalid_grant", "Authorization code is invalid."};
static const struct refusal code_expired = {"invalid_grant", "Authorization code is expired."};
static const struct refusal redirect_differs = {
	"invalid_request", "Redirect_uri is not matched with the uri when requesting code."};
static const struct refusal refresh_invalid = {
	"invalid_grant", "Refresh token is invalid or expired."};
static const struct refusal access_invalid = {
	"invalid_grant", "Access token is invalid or expired."};

static const char *const use_names[TOKEN_USES] = {
	[TOKEN_UNUSED] = "-",
	[TOKEN_GRANTED] = "granted",
	[TOKEN_GRACE] = "grace",
	[TOKEN_SUPERSEDED] = "superseded",
	[TOKEN_REVOKED] = "revoked",
	[TOKEN_EXPIRED] = "expired",
	[TOKEN_UNKNOWN] = "unknown",
	[TOKEN_UNSEEN] = "unseen",
};

const char *token_use_name(enum token_use use)
{
	return use_names[use];
}

void grants_init(struct grants *grants, struct state *state, struct tally *tally)
{
	memset(grants, 0, sizeof(*grants));
	grants->state = state;
	grants->tally = tally;
	grants->random = state->world->seed;
}

static bool is_desktop(const char *redirect_uri)
{
	const char *host = strstr(redirect_uri, "://");

	return host &&
	       (strncmp(host, "://localhost", 12) == 0 || strncmp(host, "://127.0.0.1", 12) == 0);
}

bool grant_redirect_is_valid(const char *redirect_uri)
{
	if (strlen(redirect_uri) >= GRANT_REDIRECT_SIZE || strpbrk(redirect_uri, "?# "))
		return false;
	if (is_desktop(redirect_uri)) {
		const char *host = strstr(redirect_uri, "://") + 3;

		return host[strcspn(host, ":/")] == ':' && strncmp(redirect_uri, "http", 4) == 0;
	}
	return strncmp(redirect_uri, "https://", 8) == 0 && redirect_uri[8] != '\0';
}

bool grant_needs_challenge(const struct grants *grants, const char *redirect_uri)
{
	switch (knobs_get(grants->state->knobs, KNOB_PKCE)) {
	case PKCE_HEX:
		return true;
	case PKCE_IGNORED:
		return false;
	default:
		return is_desktop(redirect_uri);
	}
}

const char *grant_give_code(struct grants *grants, uint32_t account, unsigned scopes,
	const char *redirect_uri, const char *challenge, int64_t now_ms)
{
	struct code *code = &grants->codes[grants->codes_given++ % GRANT_CODES];
	struct pen text = pen_on(code->text, sizeof(code->text));
	struct pen redirect = pen_on(code->redirect_uri, sizeof(code->redirect_uri));
	struct pen given = pen_on(code->challenge, sizeof(code->challenge));

	grants->random = grants->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	pen_hex(&text, grants->random >> 32, 8);
	pen_hex(&text, (uint64_t)now_ms, 12);
	pen_hex(&text, grants->codes_given, 8);
	pen_text(&text, "*0!6410");
	pen_text(&redirect, redirect_uri);
	pen_text(&given, challenge ? challenge : "");
	code->account = account;
	code->scopes = scopes;
	code->used = false;
	code->expires_at_ms = now_ms + knobs_get(grants->state->knobs, KNOB_CODE_LIFE_S) * 1000;
	return code->text;
}

/*
 * The challenge is the SHA-256 of the verifier in lower-case hex, not base64url (TikTok, Login Kit
 * for Desktop).
 */
static bool verifier_matches(const char *verifier, const char *challenge)
{
	unsigned char hash[CRYPTO_HASH_SIZE];
	char hex[2 * CRYPTO_HASH_SIZE + 1];

	crypto_sha256(verifier, strlen(verifier), hash);
	crypto_hex(hash, sizeof(hash), hex);
	return strcmp(hex, challenge) == 0;
}

static void fill_set(struct grants *grants, uint32_t number, int64_t now_ms, struct token_set *set)
{
	struct state *state = grants->state;
	struct account_state *account = state_account(state, number);
	int64_t access_life_ms = state_access_life_ms(state);
	uint32_t serial = state_add_access(account, now_ms + access_life_ms);

	set->account = number;
	set->scopes = account->scopes;
	set->access_life_s = access_life_ms / 1000;
	set->refresh_life_s = (account->refresh_expires_at_ms - now_ms) / 1000;
	world_token(state->world, WORLD_TOKEN_ACCESS, number, serial, set->access);
	world_token(
		state->world, WORLD_TOKEN_REFRESH, number, account->refresh_serial, set->refresh);
}

static struct code *find_code(struct grants *grants, const char *text)
{
	for (size_t i = 0; i < GRANT_CODES; i++) {
		if (text[0] && strcmp(grants->codes[i].text, text) == 0)
			return &grants->codes[i];
	}
	return NULL;
}

const struct refusal *grant_exchange(struct grants *grants, const char *text,
	const char *redirect_uri, const char *verifier, int64_t now_ms, struct token_set *set)
{
	struct code *code = find_code(grants, text);
	struct account_state *account;

	if (!code || code->used)
		return &code_invalid;
	code->used = true;
	if (now_ms >= code->expires_at_ms)
		return &code_expired;
	if (strcmp(code->redirect_uri, redirect_uri) != 0)
		return &redirect_differs;
	if (grant_needs_challenge(grants, redirect_uri) &&
		(!verifier || !verifier_matches(verifier, code->challenge)))
		return &refusal_pkce;

	account = state_account(grants->state, code->account);
	account->revoked = false;
	account->scopes = code->scopes;
	account->consented_at_ms = now_ms;
	account->rotated_at_ms = now_ms;
	account->refresh_serial++;
	account->refresh_expires_at_ms = now_ms + state_refresh_life_ms(grants->state);
	fill_set(grants, code->account, now_ms, set);
	grants->tally->codes_exchanged++;
	return NULL;
}

/* What a refresh token is good for that the world did make: it may be an older one within its grace. */
static enum token_use judge_serial(
	struct grants *grants, struct account_state *account, uint32_t serial, int64_t now_ms)
{
	const struct knobs *knobs = grants->state->knobs;
	int64_t grace_ms = knobs_get(knobs, KNOB_ROTATION_GRACE_S) * 1000;

	if (serial > account->refresh_serial && knobs_get(knobs, KNOB_ADOPT_TOKENS) == SWITCH_ON)
		account->refresh_serial = serial;
	if (serial == account->refresh_serial)
		return TOKEN_GRANTED;
	if (knobs_get(knobs, KNOB_ROTATION) == ROTATION_GRACE &&
		serial + 1 == account->refresh_serial && now_ms < account->rotated_at_ms + grace_ms)
		return TOKEN_GRACE;
	return serial < account->refresh_serial ? TOKEN_SUPERSEDED : TOKEN_UNKNOWN;
}

static enum token_use judge_use(
	struct grants *grants, struct account_state *account, uint32_t serial, int64_t now_ms)
{
	enum token_use use = judge_serial(grants, account, serial, now_ms);

	grants->tally->superseded_refresh_attempts += use == TOKEN_SUPERSEDED;
	if (use != TOKEN_GRANTED && use != TOKEN_GRACE)
		return use;
	if (account->revoked)
		return TOKEN_REVOKED;
	return now_ms >= account->refresh_expires_at_ms ? TOKEN_EXPIRED : use;
}

static void rotate(struct grants *grants, struct account_state *account, int64_t now_ms)
{
	const struct knobs *knobs = grants->state->knobs;

	if (knobs_get(knobs, KNOB_ROTATION) == ROTATION_SOMETIMES && account->refreshes % 2 == 1)
		return;
	account->refresh_serial++;
	account->rotations++;
	account->rotated_at_ms = now_ms;
	if (knobs_get(knobs, KNOB_REFRESH_EXPIRY) == REFRESH_EXPIRY_RESET)
		account->refresh_expires_at_ms = now_ms + state_refresh_life_ms(grants->state);
}

const struct refusal *grant_refresh(
	struct grants *grants, const char *refresh_token, int64_t now_ms, struct token_set *set)
{
	struct state *state = grants->state;
	struct account_state *account;
	uint32_t number, serial;

	grants->used = (struct token_used){TOKEN_UNKNOWN, 0};
	if (!world_read_token(state->world, WORLD_TOKEN_REFRESH, refresh_token, &number, &serial))
		return &refresh_invalid;
	account = state_account(state, number);
	grants->used = (struct token_used){judge_use(grants, account, serial, now_ms), serial};
	if (grants->used.use != TOKEN_GRANTED && grants->used.use != TOKEN_GRACE)
		return &refresh_invalid;

	account->refreshes++;
	if (grants->used.use == TOKEN_GRANTED)
		rotate(grants, account, now_ms);
	if (knobs_get(state->knobs, KNOB_OLD_ACCESS_AFTER_REFRESH) == OLD_ACCESS_KILLED)
		state_kill_access(account);
	fill_set(grants, number, now_ms, set);
	grants->tally->refreshes_granted++;
	return NULL;
}

const struct refusal *grant_revoke(struct grants *grants, const char *access_token, int64_t now_ms)
{
	uint32_t number;

	if (!state_find_access(grants->state, access_token, now_ms, &number))
		return &access_invalid;
	state_account(grants->state, number)->revoked = true;
	grants->tally->grants_revoked++;
	return NULL;
}
