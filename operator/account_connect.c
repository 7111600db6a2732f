/* SPDX-License-Identifier: MIT */
/*
 * syncctl account connect: a merchant grants access to a TikTok account, at TikTok, in a browser; we
 * receive the answer, exchange it for tokens and store them. The main thread; while it waits, the
 * HTTP server's thread answers the browser.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/listener.h"
#include "operator/account_row.h"
#include "operator/account_session.h"
#include "operator/arguments.h"
#include "operator/command.h"
#include "operator/connect_grant.h"
#include "operator/connect_listen.h"
#include "operator/connect_paste.h"
#include "operator/redirect.h"
#include "operator/store_fields.h"

#define DEFAULT_TIMEOUT_S 600
#define SECRET_SIZE       32 /* bytes of chance in a state, and in a verifier */

struct connect {
	const char *store_code;
	int64_t account_id; /* 0: any */
	int64_t port;       /* 0: any */
	int64_t timeout_s;
	bool paste;
	const char *scopes; /* to be asked for; NULL: all that are wanted */
	struct redirect_uri registered;
	struct text redirect_uri; /* as it is sent: with the port */
	char state[2 * SECRET_SIZE + 1];
	char verifier[2 * SECRET_SIZE + 1]; /* 64 of PKCE's 43 to 128 characters (RFC 7636) */
	struct connect_listen *listen;      /* NULL: the answer is pasted */
};

static void draw_secret(char text[2 * SECRET_SIZE + 1])
{
	unsigned char bytes[SECRET_SIZE];

	random_bytes(bytes, sizeof bytes);
	crypto_hex(bytes, sizeof bytes, text);
	explicit_bzero(bytes, sizeof bytes);
}

/* ---- Arguments and settings ---- */

static void read_arguments(int argc, char **argv, struct connect *connect, struct text *faults)
{
	const char *account = NULL, *port = NULL, *timeout = NULL;
	const struct argument known[] = {{"account", &account, NULL}, {"port", &port, NULL},
		{"timeout", &timeout, NULL}, {"paste", NULL, &connect->paste},
		{"scopes", &connect->scopes, NULL}, {NULL, NULL, NULL}};

	if (arguments_read(
		    argc, argv, known, "the store's CODE", 1, 1, &connect->store_code, faults))
		store_code_check(connect->store_code, faults);
	arguments_number("--account", account, 1, INT32_MAX, &connect->account_id, faults);
	arguments_number("--port", port, 1, 65535, &connect->port, faults);
	if (connect->scopes &&
		(!*connect->scopes ||
			connect->scopes[strspn(connect->scopes, "abcdefghijklmnopqrstuvwxyz._,")]))
		text_append(faults, "--scopes is a list such as user.info.basic,video.list\n");
	arguments_number("--timeout", timeout, 1, 86400, &connect->timeout_s, faults);
}

static void read_redirect_uri(
	const struct config *config, struct connect *connect, struct text *faults)
{
	struct redirect_uri *registered = &connect->registered;
	struct error err;

	if (!config->tiktok_redirect_uri) {
		text_append(faults,
			"TIKTOK_REDIRECT_URI is not set: give the one that is registered with the app, such "
			"as http://127.0.0.1:*/callback/\n");
		return;
	}
	if (!redirect_uri_read(config->tiktok_redirect_uri, registered, &err)) {
		text_append_format(faults, "%s\n", err.text);
		return;
	}
	if (connect->port > 0 && !registered->any_port && connect->port != registered->port)
		text_append_format(faults,
			"--port: TikTok redirects to TIKTOK_REDIRECT_URI as it is registered; only with "
			"\"*\" as its port another one can be chosen\n");
	if (!registered->any_port)
		connect->port = registered->port;
}

/* ---- Before the browser ---- */

static bool check_store(struct account_session *session, const char *code, struct error *err)
{
	struct db_params params = {0};
	struct db_result *store = NULL;
	bool ok;

	db_param_text(&params, code);
	if (!db_query(session->db, STATEMENT_STORE_LIST, &params, &store, err))
		return false;
	ok = db_row_count(store) == 1;
	db_result_destroy(store);
	if (!ok)
		error_set(err, ERROR_SETTINGS,
			"there is no store %s: syncctl store add %s --name NAME --pic PERSON adds it",
			code, code);
	return ok;
}

/* Whose consent is wanted, where --account says so. */
static bool check_account(struct account_session *session, const struct connect *connect,
	struct connect_grant *grant, struct error *err)
{
	struct db_result *account = NULL;
	bool ok;

	snprintf(grant->store_code, sizeof grant->store_code, "%s", connect->store_code);
	if (connect->account_id == 0)
		return true;
	if (!account_find(session->db, connect->account_id, &account, err))
		return false;
	ok = strcmp(db_text(account, 0, ACCOUNT_STORE), connect->store_code) == 0;
	if (ok)
		snprintf(grant->open_id, sizeof grant->open_id, "%s",
			db_text(account, 0, ACCOUNT_OPEN_ID));
	else
		error_set(err, ERROR_SETTINGS, "account %" PRId64 " belongs to store %s, not to %s",
			connect->account_id, db_text(account, 0, ACCOUNT_STORE),
			connect->store_code);
	db_result_destroy(account);
	return ok;
}

/* A port for an address at which nobody has to listen. */
static bool choose_port(int64_t *port, struct error *err)
{
	int fd, chosen;

	if (*port > 0)
		return true;
	if (!listener_open("--port", "127.0.0.1:0", &fd, &chosen, err))
		return false;
	close(fd);
	*port = chosen;
	return true;
}

/* Be ready for the answer before anybody can give it. */
static bool prepare(const struct config *config, struct connect *connect, struct error *err)
{
	const struct redirect_uri *registered = &connect->registered;

	draw_secret(connect->state);
	draw_secret(connect->verifier);
	if (!connect->paste && !(registered->is_loopback && registered->is_plain)) {
		fprintf(stderr,
			"TIKTOK_REDIRECT_URI is not http:// to this host: the answer has to be pasted\n");
		connect->paste = true;
	}
	if (connect->paste) {
		if (registered->any_port && !choose_port(&connect->port, err))
			return false;
	} else {
		if (!connect_listen_start(registered->any_port ? "--port" : "TIKTOK_REDIRECT_URI",
			    (int)connect->port, registered->path, connect->state, &connect->listen,
			    err))
			return false;
		connect->port = connect_listen_port(connect->listen);
	}
	redirect_uri_write(config->tiktok_redirect_uri, (int)connect->port, &connect->redirect_uri);
	return true;
}

static const char *verifier_of(const struct connect *connect)
{
	return connect->registered.is_loopback ? connect->verifier : NULL;
}

static void print_address(const struct config *config, const struct connect *connect)
{
	struct text url = {0}, scopes = {0};
	struct tiktok_consent consent = {
		.auth_url = config->tiktok_auth_url,
		.client_key = config->tiktok_client_key,
		.redirect_uri = text_string(&connect->redirect_uri),
		.state = connect->state,
		.verifier = verifier_of(connect),
	};

	if (connect->scopes)
		text_append(&scopes, connect->scopes);
	else
		account_append_wanted_scopes(&scopes);
	consent.scopes = text_string(&scopes);
	tiktok_write_consent_url(&consent, &url);
	printf("Open this address in a browser in which the merchant is signed in at TikTok:\n\n%s\n\n",
		text_string(&url));
	if (connect->paste)
		printf("TikTok then redirects to %s; paste that whole address here, within %" PRId64
		       " s (Ctrl-C gives up):\n",
			text_string(&connect->redirect_uri), connect->timeout_s);
	else
		printf("waiting for the answer on %s, at most %" PRId64 " s (Ctrl-C gives up)\n",
			text_string(&connect->redirect_uri), connect->timeout_s);
	fflush(stdout);
	text_finish(&url);
	text_finish(&scopes);
}

/* ---- The answer ---- */

static bool wait_for_code(struct connect *connect, struct redirect *redirect, struct error *err)
{
	int64_t timeout_ms = connect->timeout_s * 1000;

	if (connect->listen ? !connect_listen_wait(connect->listen, timeout_ms, redirect, err)
			    : !connect_paste_wait(text_string(&connect->redirect_uri),
				      connect->state, timeout_ms, redirect, err))
		return false;
	if (redirect_judge(redirect, connect->state, err) == REDIRECT_GRANTED)
		return true;
	if (redirect->error && strcmp(redirect->error, "invalid_scope") == 0)
		error_wrap(err,
			"the app is not approved for a scope that was asked for: get it approved, or "
			"ask for less by --scopes");
	return false;
}

static void tell_result(const struct connect_grant *grant)
{
	account_say("account %" PRId64 " of store %s is connected%s: %s (TikTok account %s)",
		grant->account_id, grant->store_code, grant->is_new ? "" : " again",
		grant->display_name ? grant->display_name : "-", grant->tokens.open_id);
	if (grant->is_disabled)
		account_say(
			"it was disabled by an operator and stays so; syncctl account enable %" PRId64
			" synchronises it again",
			grant->account_id);
}

static void warn_of_missing_scopes(const char *granted)
{
	for (const struct wanted_scope *scope = wanted_scopes; scope->name; scope++)
		if (!tiktok_scope_granted(granted, scope->name))
			fprintf(stderr,
				"warning: %s was not granted: %s; connect the account again with all "
				"boxes ticked\n",
				scope->name, scope->cost);
}

static bool connect_account(struct connect *connect, struct connect_grant *grant, struct error *err)
{
	struct redirect redirect = {0};
	struct error profile_error;
	bool ok;

	ok = wait_for_code(connect, &redirect, err) &&
	     connect_grant_exchange(grant, redirect.code, text_string(&connect->redirect_uri),
		     verifier_of(connect), err) &&
	     connect_grant_save(grant, err);
	redirect_finish(&redirect);
	if (!ok)
		return false;
	if (!connect_grant_fetch_profile(grant, &profile_error))
		fprintf(stderr, "warning: its name is not known yet: %s\n", profile_error.text);
	return true;
}

static enum exit_code run_with(
	struct account_session *session, const struct config *config, struct connect *connect)
{
	struct connect_grant grant = {.session = session};
	struct error err = {0};
	enum exit_code result = EXIT_DONE;

	if (!check_store(session, connect->store_code, &err) ||
		!check_account(session, connect, &grant, &err) || !prepare(config, connect, &err)) {
		result = account_failed(session, &err);
		goto out;
	}
	print_address(config, connect);
	if (!connect_account(connect, &grant, &err)) {
		if (connect->listen)
			connect_listen_tell_failure(connect->listen, err.text);
		result = account_failed(session, &err);
		goto out;
	}
	if (connect->listen)
		connect_listen_tell_success(connect->listen, "You may close this page.");
	tell_result(&grant);
	warn_of_missing_scopes(grant.tokens.scope ? grant.tokens.scope : "");
out:
	connect_listen_stop(connect->listen);
	connect_grant_finish(&grant);
	return result;
}

static enum exit_code run_connect(struct command_context *context, int argc, char **argv)
{
	struct connect connect = {.timeout_s = DEFAULT_TIMEOUT_S};
	struct account_session session = {0};
	struct text faults = {0};
	enum exit_code result;

	read_arguments(argc, argv, &connect, &faults);
	read_redirect_uri(&context->config, &connect, &faults);
	if (faults.length > 0)
		result = command_misused_so(context, &faults);
	else
		result = account_session_open(
			&session, context, ACCOUNT_NEEDS_TOKENS | ACCOUNT_NEEDS_TIKTOK);
	if (result == EXIT_DONE)
		result = run_with(&session, &context->config, &connect);
	account_session_finish(&session);
	text_finish(&connect.redirect_uri);
	text_finish(&faults);
	explicit_bzero(&connect, sizeof connect);
	return result;
}

const struct command command_account_connect = {
	.name = "account connect",
	.arguments = "CODE [--account ID] [--port N] [--paste] [--scopes LIST] [--timeout S]",
	.summary = "connect a TikTok account to a store, or connect it again",
	.help = "Prints an address of TikTok's. Whoever opens it in a browser, signed in as the merchant, grants\n"
		"access; TikTok's answer is received here, exchanged for tokens, and these are stored encrypted.\n"
		"An account that is there already gets the new tokens and is CONNECTED again, unless an operator\n"
		"disabled it. What of the wanted scopes was not granted is said, with what that costs.\n"
		"\n"
		"  CODE                the store, see syncctl store list\n"
		"  --account ID        connect this account again: the consent of another one is refused\n"
		"  --port N            listen here, where TIKTOK_REDIRECT_URI has \"*\" for its port\n"
		"  --paste             listen nowhere: the address that the browser ends at is pasted here. For a\n"
		"                      browser on another host, or a web redirect address (https://), where it is\n"
		"                      the only way\n"
		"  --scopes LIST       ask for these instead of user.info.basic,user.info.profile,user.info.stats,\n"
		"                      video.list: TikTok refuses all when the app is not approved for one\n"
		"  --timeout S         wait so many seconds at most (600)\n"
		"\n"
		"Needs TIKTOK_CLIENT_KEY, TIKTOK_CLIENT_SECRET, TIKTOK_REDIRECT_URI and TOKEN_ENC_KEY. A TikTok\n"
		"account that is connected to another store is refused, for two accounts with one grant would end\n"
		"each other's tokens; the new ones are then saved for the account that has it.\n",
	.needs = NEEDS_DATABASE,
	.run = run_connect,
};
