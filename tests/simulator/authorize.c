/* SPDX-License-Identifier: MIT */
/*
 * The consent page. The server thread runs this.
 */
#include "tests/simulator/authorize.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/scopes.h"
#include "tests/simulator/simulator.h"

static const char *const passed_on[] = {"client_key", "response_type", "scope", "redirect_uri",
	"state", "code_challenge", "code_challenge_method"};

/* Byte for byte, but for "*" in place of the port. */
static bool redirect_matches(const char *registered, const char *redirect_uri)
{
	const char *star = strchr(registered, '*');
	size_t before = star ? (size_t)(star - registered) : 0;

	if (!star)
		return strcmp(registered, redirect_uri) == 0;
	if (strncmp(registered, redirect_uri, before) != 0)
		return false;
	redirect_uri += before;
	if (!isdigit((unsigned char)*redirect_uri))
		return false;
	return strcmp(star + 1, redirect_uri + strspn(redirect_uri, "0123456789")) == 0;
}

static bool redirect_is_registered(const struct simulator *simulator, const char *redirect_uri)
{
	const struct simulator_setup *setup = &simulator->setup;

	if (!redirect_uri || !grant_redirect_is_valid(redirect_uri))
		return false;
	for (size_t i = 0; i < setup->redirect_count; i++) {
		if (redirect_matches(setup->redirects[i], redirect_uri))
			return true;
	}
	return setup->redirect_count == 0;
}

/* A challenge of the desktop kind: 64 lower-case hex digits. */
static bool challenge_is_hex(const struct form *form)
{
	const char *challenge = form_get(form, "code_challenge");
	const char *method = form_get(form, "code_challenge_method");

	return challenge && method && strcmp(method, "S256") == 0 && strlen(challenge) == 64 &&
	       strspn(challenge, "0123456789abcdef") == 64;
}

static void add_parameter(struct call *call, const char *name, const char *value)
{
	text_append(&call->location, strchr(text_string(&call->location), '?') ? "&" : "?");
	text_append_format(&call->location, "%s=", name);
	text_append_url(&call->location, value);
}

static void begin_redirect(struct call *call, const struct form *form)
{
	call_answer_page(call, 302, "text/html", "");
	text_append(&call->location, form_get(form, "redirect_uri"));
}

static void end_redirect(struct call *call, const struct form *form)
{
	const char *state = form_get(form, "state");

	if (state)
		add_parameter(call, "state", state);
}

static void redirect_error(
	struct call *call, const struct form *form, const char *error, const char *description)
{
	begin_redirect(call, form);
	add_parameter(call, "error", error);
	add_parameter(call, "error_description", description);
	end_redirect(call, form);
}

static uint32_t choose_account(struct simulator *simulator, const struct form *form)
{
	const struct world *world = &simulator->setup.world;
	const char *wanted = form_get(form, "account");
	uint32_t account;

	if (wanted && world_find_account(world, wanted, &account))
		return account;
	if (wanted && isdigit((unsigned char)*wanted))
		return (uint32_t)(strtoul(wanted, NULL, 10) % world->accounts);
	return simulator->next_consent++ % world->accounts;
}

static unsigned withheld_scope(const struct knobs *knobs)
{
	switch (knobs_get(knobs, KNOB_WITHHELD_SCOPE)) {
	case WITHHELD_PROFILE:
		return SCOPE_USER_INFO_PROFILE;
	case WITHHELD_STATS:
		return SCOPE_USER_INFO_STATS;
	case WITHHELD_VIDEO_LIST:
		return SCOPE_VIDEO_LIST;
	default:
		return 0;
	}
}

static void allow(struct simulator *simulator, struct call *call, const struct form *form)
{
	struct text list = {0};
	unsigned scopes = 0;

	scopes_read(form_get(form, "scope"), &scopes);
	scopes = (scopes & ~withheld_scope(&simulator->knobs)) | SCOPE_USER_INFO_BASIC;
	scopes_write(scopes, &list);
	begin_redirect(call, form);
	add_parameter(call, "code",
		grant_give_code(&simulator->grants, choose_account(simulator, form), scopes,
			form_get(form, "redirect_uri"), form_get(form, "code_challenge"),
			simulator_now_ms(simulator)));
	add_parameter(call, "scopes", text_string(&list));
	end_redirect(call, form);
	text_finish(&list);
}

static void deny(struct call *call, const struct form *form)
{
	redirect_error(call, form, "access_denied", "The user denied the authorization.");
}

/* False: the request is refused, and answered. */
static bool check_request(struct simulator *simulator, struct call *call, const struct form *form)
{
	const char *key = form_get(form, "client_key");
	const char *redirect_uri = form_get(form, "redirect_uri");
	const char *type = form_get(form, "response_type");
	const char *scope = form_get(form, "scope");
	unsigned scopes;

	if (!key || strcmp(key, simulator->setup.world.client_key) != 0) {
		call_answer_page(call, 400, "text/html", "<h1>client_key</h1>\n");
		return false;
	}
	if (!redirect_is_registered(simulator, redirect_uri)) {
		call_answer_page(call, 400, "text/html", "<h1>redirect_uri</h1>\n");
		return false;
	}
	if (!type || strcmp(type, "code") != 0) {
		redirect_error(call, form, "unsupported_response_type", "response_type is code.");
		return false;
	}
	if (!scope || !scopes_read(scope, &scopes)) {
		redirect_error(call, form, "invalid_scope", "A scope is unknown or not approved.");
		return false;
	}
	if (grant_needs_challenge(&simulator->grants, redirect_uri) && !challenge_is_hex(form)) {
		redirect_error(
			call, form, refusal_pkce.error, "code_challenge is not hex(SHA256).");
		return false;
	}
	return true;
}

static void write_html(struct text *out, const char *string)
{
	for (const char *c = string; *c; c++) {
		if (strchr("<>&\"'", *c))
			text_append_format(out, "&#%d;", *c);
		else
			text_append_char(out, *c);
	}
}

static void write_hidden(struct text *out, const char *name, const char *value)
{
	text_append_format(out, "<input type=\"hidden\" name=\"%s\" value=\"", name);
	write_html(out, value);
	text_append(out, "\">\n");
}

static void ask(struct simulator *simulator, struct call *call, const struct form *form)
{
	struct text *out = &call->reply;
	struct world_account account;

	world_account(&simulator->setup.world, choose_account(simulator, form), &account);
	call_answer_page(call, 200, "text/html; charset=utf-8",
		"<!doctype html>\n<title>Simulated TikTok</title>\n<h1>Allow access to ");
	write_html(out, account.display_name);
	text_append(out, "?</h1>\n<p>Scopes: ");
	write_html(out, form_get(form, "scope"));
	text_append(out, "</p>\n<form method=\"post\" action=\"/v2/auth/authorize/\">\n");
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++) {
		if (form_get(form, passed_on[i]))
			write_hidden(out, passed_on[i], form_get(form, passed_on[i]));
	}
	write_hidden(out, "account", account.open_id);
	text_append(out, "<button name=\"decision\" value=\"allow\">Allow</button>\n"
			 "<button name=\"decision\" value=\"deny\">Deny</button>\n</form>\n");
}

void authorize_show(struct simulator *simulator, struct call *call)
{
	int64_t consent = knobs_get(&simulator->knobs, KNOB_CONSENT);

	if (!check_request(simulator, call, &call->query))
		return;
	if (consent == CONSENT_ALLOW)
		allow(simulator, call, &call->query);
	else if (consent == CONSENT_DENY)
		deny(call, &call->query);
	else
		ask(simulator, call, &call->query);
}

void authorize_decide(struct simulator *simulator, struct call *call)
{
	const char *decision = form_get(&call->form, "decision");

	if (!check_request(simulator, call, &call->form))
		return;
	if (decision && strcmp(decision, "allow") == 0)
		allow(simulator, call, &call->form);
	else
		deny(call, &call->form);
}
