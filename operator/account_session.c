/* SPDX-License-Identifier: MIT */
/*
 * Beginning a command about accounts or stores. One thread.
 */
#include "operator/account_session.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/process.h"
#include "common/utf8.h"
#include "operator/actor.h"

#define TRIES_MAX    60
#define TRY_PAUSE_MS 1000

/* Settings that syncctl as a whole can do without. */
static void find_missing(const struct config *config, int needs, struct text *faults)
{
	if ((needs & ACCOUNT_NEEDS_TOKENS) && !config->token_enc_key)
		text_append(faults,
			"TOKEN_ENC_KEY is not set, nor is TOKEN_ENC_KEY_FILE: tokens are "
			"stored encrypted, give the workers' key\n");
	if ((needs & ACCOUNT_NEEDS_TIKTOK) && !config->tiktok_client_key)
		text_append(faults,
			"TIKTOK_CLIENT_KEY is not set: give the client key of the app at "
			"TikTok\n");
	if ((needs & ACCOUNT_NEEDS_TIKTOK) && !config->tiktok_client_secret)
		text_append(faults,
			"TIKTOK_CLIENT_SECRET is not set, nor is TIKTOK_CLIENT_SECRET_FILE: "
			"give the client secret of the app at TikTok\n");
}

static bool open_all(struct account_session *session, int needs, struct error *err)
{
	const struct config *config = &session->context->config;

	if ((needs & ACCOUNT_NEEDS_TOKENS) &&
		!token_cipher_create(
			config->token_enc_key, config->token_enc_old_keys, &session->cipher, err))
		return false;
	if ((needs & ACCOUNT_NEEDS_TIKTOK) && !tiktok_client_create(config, &session->tiktok, err))
		return false;
	return db_open(
		config->database_url, PROGRAM_OPERATOR, config->db_logging, &session->db, err);
}

enum exit_code account_session_open(
	struct account_session *session, const struct command_context *context, int needs)
{
	const struct config *config = &context->config;
	struct text faults = {0};
	struct error err = {0};
	enum exit_code result = EXIT_DONE;

	*session = (struct account_session){.context = context};
	process_prepare();
	/* That a connection was made is no news to whoever waits for a list. */
	log_open("syncctl", config->log_level == LOG_INFO ? LOG_WARN : config->log_level,
		config->log_format);
	uuid_random(session->action_id);
	actor_append(&session->actor);
	find_missing(config, needs, &faults);
	if (faults.length > 0) {
		fprintf(stderr, "%s", text_string(&faults));
		result = EXIT_USAGE;
	} else if (!open_all(session, needs, &err)) {
		result = account_failed(session, &err);
	}
	text_finish(&faults);
	return result;
}

static bool connect_again(struct account_session *session, struct error *err)
{
	const struct config *config = &session->context->config;

	if (session->db && db_is_usable(session->db) && db_check_idle(session->db, err))
		return true;
	db_close(session->db);
	session->db = NULL;
	return db_open(
		config->database_url, PROGRAM_OPERATOR, config->db_logging, &session->db, err);
}

bool account_session_insist(struct account_session *session,
	bool (*save)(struct account_session *session, void *context, struct error *err),
	void *context, struct error *err)
{
	for (int tries = 1;; tries++) {
		if (connect_again(session, err) && save(session, context, err))
			return true;
		if (err->class != ERROR_DATABASE || tries == TRIES_MAX)
			return false;
		fprintf(stderr, "waiting for PostgreSQL, for a grant has to be saved: %s\n",
			err->text);
		poll(NULL, 0, TRY_PAUSE_MS);
	}
}

void account_session_finish(struct account_session *session)
{
	db_close(session->db);
	tiktok_client_destroy(session->tiktok);
	token_cipher_destroy(session->cipher);
	text_finish(&session->actor);
	*session = (struct account_session){0};
}

enum exit_code account_failed(const struct account_session *session, const struct error *err)
{
	struct text clean = {0};

	fflush(stdout);
	utf8_append_clean(err->text, strlen(err->text), &clean); /* it may quote TikTok */
	fprintf(stderr, "syncctl %s: %s\n", session->context->command->name, text_string(&clean));
	text_finish(&clean);
	return EXIT_FAILED;
}

void account_say(const char *format, ...)
{
	char line[1500];
	struct text clean = {0};
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	utf8_append_clean(line, strlen(line), &clean);
	printf("%s\n", text_string(&clean));
	text_finish(&clean);
}

struct db_params account_action_params(const struct account_session *session)
{
	struct db_params params = {0};

	db_param_text(&params, session->action_id);
	db_param_text(&params, text_string(&session->actor));
	return params;
}
