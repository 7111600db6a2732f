/* SPDX-License-Identifier: MIT */
/*
 * What TikTok's error codes mean, and which replies are refusals. Pure functions.
 */
#include "common/tiktok_reply.h"

#include <string.h>

/* Codes of "Error Handling" and of the OAuth page, and those that others have met. */
static const struct {
	const char *code;
	enum error_class class;
} codes[] = {
	{"access_token_invalid", ERROR_TOKEN_EXPIRED},
	{"access_token_expired", ERROR_TOKEN_EXPIRED},
	{"scope_not_authorized", ERROR_SCOPE},
	{"scope_permission_missed", ERROR_SCOPE},
	{"invalid_params", ERROR_BAD_REQUEST},
	{"invalid_param", ERROR_BAD_REQUEST},
	{"rate_limit_exceeded", ERROR_RATE_LIMITED},
	{"internal_error", ERROR_SERVER},
	{"invalid_grant", ERROR_TOKEN_REVOKED},
	{"invalid_request", ERROR_BAD_REQUEST},
	{"invalid_client", ERROR_APP_REFUSED},
	{"unauthorized_client", ERROR_APP_REFUSED},
	{"unsupported_grant_type", ERROR_BAD_REQUEST},
	{"invalid_scope", ERROR_BAD_REQUEST},
	{"access_denied", ERROR_BAD_REQUEST},
	{"server_error", ERROR_SERVER},
	{"temporarily_unavailable", ERROR_SERVER},
};

/*
 * What a status means where the body says nothing that we know. Calls for tokens carry no access token:
 * who may not come in there is the app.
 */
static enum error_class class_of_status(int status, enum metric_endpoint endpoint)
{
	if (endpoint == ENDPOINT_TOKEN && (status == 401 || status == 403))
		return ERROR_APP_REFUSED;
	if (status == 401)
		return ERROR_TOKEN_EXPIRED;
	if (status == 429)
		return ERROR_RATE_LIMITED;
	if (status >= 500)
		return ERROR_SERVER;
	if (status >= 400)
		return ERROR_BAD_REQUEST;
	return ERROR_BAD_REPLY;
}

/* The code decides, not the status: TikTok reports OAuth errors under 200. */
static enum error_class class_of_code(const char *code, int status, enum metric_endpoint endpoint)
{
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strcmp(codes[i].code, code) == 0)
			return codes[i].class;
	return class_of_status(status, endpoint);
}

bool tiktok_reply_refuse(const struct http_reply *reply, enum error_class class, const char *code,
	const char *words, struct error *err)
{
	error_set(err, class, "TikTok answered %d %s%s%.200s%s%s", reply->status, code,
		*words ? ": " : "", words, *reply->log_id ? ", log_id " : "", reply->log_id);
	return false;
}

const char *tiktok_reply_text(const struct json *object, const char *name)
{
	const char *text = NULL;

	return json_string(object, name, TIKTOK_TEXT_MAX, &text) == JSON_FOUND ? text : NULL;
}

bool tiktok_reply_open(const struct http_reply *reply, enum metric_endpoint endpoint,
	struct json **document, struct error *err)
{
	enum error_class class = class_of_status(reply->status, endpoint);
	struct json *root = NULL, *nested;
	const char *code, *words;
	struct error fault;

	if (reply->status == 0) {
		*err = reply->error;
		return false;
	}
	if (!json_parse(reply->body, reply->length, &root, &fault))
		return tiktok_reply_refuse(reply, class, "without JSON", fault.text, err);
	if (!json_is_object(root)) {
		json_destroy(root);
		return tiktok_reply_refuse(reply, class, "without an object", "", err);
	}
	/* {"error":{"code":..}} as seen, {"code":..} as the page shows, {"error":".."} from OAuth. */
	nested = json_object(root, "error");
	code = nested ? tiktok_reply_text(nested, "code") : tiktok_reply_text(root, "code");
	words = nested ? tiktok_reply_text(nested, "message") : tiktok_reply_text(root, "message");
	if (!nested && !code) {
		code = tiktok_reply_text(root, "error");
		words = tiktok_reply_text(root, "error_description");
	}
	if (code && *code && strcmp(code, "ok") != 0)
		tiktok_reply_refuse(reply, class_of_code(code, reply->status, endpoint), code,
			words ? words : "", err);
	else if (reply->status < 200 || reply->status > 299)
		tiktok_reply_refuse(reply, class, "without an error code", "", err);
	else {
		*document = root;
		return true;
	}
	json_destroy(root);
	return false;
}

bool tiktok_answers(
	const struct http_reply *reply, enum metric_endpoint endpoint, struct error *err)
{
	struct json *document = NULL;
	enum error_blame blame;

	if (tiktok_reply_open(reply, endpoint, &document, err)) {
		json_destroy(document);
		return true;
	}
	blame = error_rule(err->class)->blame;
	return blame != BLAME_DOUBT && blame != BLAME_APP;
}
