/* SPDX-License-Identifier: MIT */
/*
 * The table of faults, and whom they hit. The server thread runs this.
 */
#include "tests/simulator/faults.h"

#include <string.h>

static const struct fault_rule rules[FAULTS] = {
	[FAULT_DROP] = {"drop", FAULT_SPOILS_ANSWER, true,
		"the connection closes before the first byte of the answer"},
	[FAULT_DELAY] = {"delay", FAULT_SPOILS_ANSWER, true, "the answer comes delay_ms later"},
	[FAULT_ERROR_500] = {"error_500", FAULT_SPOILS_ANSWER, false,
		"500 internal_error (OAuth endpoints: 500 server_error)"},
	[FAULT_ERROR_429] = {"error_429", FAULT_SPOILS_ANSWER, false, "429 rate_limit_exceeded"},
	[FAULT_HTML_502] = {"html_502", FAULT_SPOILS_ANSWER, false, "502 with a page of HTML"},
	[FAULT_TRUNCATED_JSON] = {"truncated_json", FAULT_SPOILS_ANSWER, true,
		"the body ends in its middle, and Content-Length agrees"},
	[FAULT_CUT_BODY] = {"cut_body", FAULT_SPOILS_ANSWER, true,
		"the connection closes in the middle of the body"},
	[FAULT_EMPTY_BODY] = {"empty_body", FAULT_SPOILS_ANSWER, true, "200 without a body"},
	[FAULT_BODY] = {"body", FAULT_SPOILS_ANSWER, false,
		"200 with the text of the member body, times times over, whatever it is"},
	[FAULT_SERVER_ERROR] = {"server_error", FAULT_SPOILS_ANSWER, false,
		"server_error with the status of the knob oauth_error_status"},
	[FAULT_INVALID_CLIENT] = {"invalid_client", FAULT_SPOILS_ANSWER, false,
		"invalid_client with the status of the knob oauth_error_status"},
	[FAULT_REVOKE] = {"revoke", FAULT_CHANGES_WORLD, true,
		"the user revokes the grant just before the call"},
	[FAULT_DROP_SCOPE] = {"drop_scope", FAULT_CHANGES_WORLD, true,
		"the user takes back one scope just before the call"},
	[FAULT_EXPIRE_ACCESS] = {"expire_access", FAULT_CHANGES_WORLD, true,
		"every access token of the account dies just before the call"},
	[FAULT_HIDE_VIDEO] = {"hide_video", FAULT_CHANGES_WORLD, true,
		"the account's oldest public video turns private just before the call"},
	[FAULT_DELETE_VIDEO] = {"delete_video", FAULT_CHANGES_WORLD, true,
		"the account's oldest public video is deleted just before the call"},
	[FAULT_POST_VIDEO] = {"post_video", FAULT_CHANGES_WORLD, true,
		"the account posts a video just before the call"},
};

const struct fault_rule *fault_rule(enum fault_kind kind)
{
	return &rules[kind];
}

void faults_clear(struct faults *faults)
{
	faults->count = 0;
}

static bool matches(const struct fault *fault, enum endpoint endpoint, int64_t account)
{
	if (fault->endpoint != ENDPOINTS && fault->endpoint != endpoint)
		return false;
	if (fault->endpoint == ENDPOINTS && endpoint == ENDPOINT_AUTHORIZE)
		return false;
	if (fault->account >= 0 && fault->account != account)
		return false;
	return account >= 0 || rules[fault->kind].effect == FAULT_SPOILS_ANSWER;
}

static bool chance_hits(struct faults *faults, int64_t percent)
{
	faults->random = faults->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (int64_t)((faults->random >> 33) % 100) < percent;
}

const struct fault *faults_next(
	struct faults *faults, enum endpoint endpoint, int64_t account, size_t *place)
{
	while (*place < faults->count) {
		struct fault *fault = &faults->list[(*place)++];

		if (fault->count == 0 || !matches(fault, endpoint, account))
			continue;
		if (fault->after > 0) {
			fault->after--;
			continue;
		}
		if (!chance_hits(faults, fault->percent))
			continue;
		if (fault->count > 0)
			fault->count--;
		fault->given++;
		return fault;
	}
	return NULL;
}
