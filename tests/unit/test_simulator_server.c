/* SPDX-License-Identifier: MIT */
/*
 * Conversations with tiktok-sim over a socket: the order of its checks, each fault, the admin
 * requests, answers that wait. The program stands beside this one; it is started once, and every
 * test begins with POST /admin/reset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"
#include "tests/simulator/world.h"

#define REDIRECT "http://127.0.0.1:9000/callback/"
#define VERIFIER "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define HEX      "13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3"
#define FORM     "application/x-www-form-urlencoded"
#define CLIENT   "client_key=sbsimclientkey&client_secret=simclientsecret"
#define WAITING  200

#define JOURNAL "/tmp/storesync-sim-journal-XXXXXX"

static pid_t child;
static char journal[] = JOURNAL;
static unsigned port;
static struct world world;

/* The last answer. status 0: the connection closed without one. */
static struct {
	struct text raw;
	int status;
	const char *body;
} answer;

static int connect_to_simulator(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void send_request(int fd, const char *method, const char *target, const char *token,
	const char *type, const char *body)
{
	struct text request = {0};

	text_append_format(
		&request, "%s %s HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n", method, target);
	if (token)
		text_append_format(&request, "Authorization: Bearer %s\r\n", token);
	if (type)
		text_append_format(&request, "Content-Type: %s\r\n", type);
	if (body)
		text_append_format(&request, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	else
		text_append(&request, "\r\n");
	assert_int_equal(
		send(fd, request.data, request.length, MSG_NOSIGNAL), (ssize_t)request.length);
	text_finish(&request);
}

static void read_answer(int fd)
{
	ssize_t length;

	text_clear(&answer.raw);
	while ((length = recv(fd, text_reserve(&answer.raw, 4096), 4096, 0)) > 0)
		answer.raw.length += (size_t)length;
	text_append(&answer.raw, "");
	close(fd);
	answer.status = 0;
	answer.body = "";
	if (answer.raw.length > 12)
		answer.status = (int)strtol(answer.raw.data + 9, NULL, 10);
	if (strstr(text_string(&answer.raw), "\r\n\r\n"))
		answer.body = strstr(answer.raw.data, "\r\n\r\n") + 4;
}

static int ask(const char *method, const char *target, const char *token, const char *type,
	const char *body)
{
	int fd = connect_to_simulator();

	send_request(fd, method, target, token, type, body);
	read_answer(fd);
	return answer.status;
}

static void post_admin(const char *target, const char *body)
{
	assert_int_equal(ask("POST", target, NULL, NULL, body), 200);
}

static int ask_user(const char *token)
{
	return ask("GET", "/v2/user/info/?fields=open_id,follower_count", token, NULL, NULL);
}

static int ask_list(const char *token, const char *body)
{
	return ask("POST", "/v2/video/list/?fields=id,title", token, "application/json", body);
}

static int refresh(const char *token)
{
	char form[300];

	snprintf(form, sizeof(form), CLIENT "&grant_type=refresh_token&refresh_token=%s", token);
	return ask("POST", "/v2/oauth/token/", NULL, FORM, form);
}

static bool answer_holds(const char *text)
{
	return strstr(text_string(&answer.raw), text) != NULL;
}

static const char *access_token(uint32_t account)
{
	static char token[WORLD_TOKEN_SIZE];

	world_token(&world, WORLD_TOKEN_ACCESS, account, 1, token);
	return token;
}

static const char *refresh_token(uint32_t account)
{
	static char token[WORLD_TOKEN_SIZE];

	world_token(&world, WORLD_TOKEN_REFRESH, account, 1, token);
	return token;
}

/* The string member of the last answer's body. */
static char *member(const char *name)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":\"", name);
	at = strstr(answer.body, key);
	assert_non_null(at);
	at += strlen(key);
	return strndup(at, strcspn(at, "\""));
}

static void checks_come_in_their_order(void **state)
{
	const char *good = access_token(1);

	assert_int_equal(ask("GET", "/v2/user/info", good, NULL, NULL), 404);
	assert_int_equal(ask("POST", "/v2/user/info/?fields=open_id", good, NULL, ""), 404);
	assert_int_equal(ask("GET", "/v2/user/info/?fields=x", "act.wrong", NULL, NULL), 401);
	assert_true(answer_holds("access_token_invalid"));
	assert_int_equal(ask("GET", "/v2/user/info/?fields=x", good, NULL, NULL), 400);
	assert_true(answer_holds("invalid_params"));

	post_admin("/admin/knobs", "{\"rate_limit\":1}");
	assert_int_equal(ask("GET", "/v2/user/info/?fields=x", good, NULL, NULL), 429);
	assert_int_equal(ask("GET", "/v2/user/info/?fields=x", "act.wrong", NULL, NULL), 401);
}

static void a_missing_scope_comes_after_wrong_parameters(void **state)
{
	char target[100];

	snprintf(target, sizeof(target), "/admin/account/%s", "");
	assert_int_equal(ask("POST", target, NULL, NULL, "{}"), 400);
	post_admin("/admin/faults", "{\"fault\":\"drop_scope\",\"scope\":\"video.list\"}");
	assert_int_equal(ask_list(access_token(1), "{\"max_count\":21}"), 400);
	assert_int_equal(ask_list(access_token(1), "{\"max_count\":20}"), 401);
	assert_true(answer_holds("scope_not_authorized"));
	assert_int_equal(ask_user(access_token(1)), 200);
}

static void bodies_of_the_list_are_read_strictly(void **state)
{
	const char *good = access_token(1);

	assert_int_equal(ask_list(good, "{}"), 200);
	assert_int_equal(ask_list(good, "{\"max_count\":20,\"cursor\":1700000000000}"), 200);
	assert_int_equal(ask_list(good, ""), 400);
	assert_int_equal(ask_list(good, "{"), 400);
	assert_int_equal(ask_list(good, "[]"), 400);
	assert_int_equal(ask_list(good, "{} x"), 400);
	assert_int_equal(ask_list(good, "{\"max_count\":0}"), 400);
	assert_int_equal(ask_list(good, "{\"max_count\":\"20\"}"), 400);
	assert_int_equal(ask_list(good, "{\"cursor\":-1}"), 400);
	assert_int_equal(ask("POST", "/v2/video/list/?fields=id", good, FORM, "{}"), 400);
	assert_int_equal(ask("POST", "/v2/video/list/", good, "application/json", "{}"), 400);
	post_admin("/admin/knobs",
		"{\"max_count_above_20\":\"clamped\",\"unknown_field\":\"ignored\"}");
	assert_int_equal(ask_list(good, "{\"max_count\":1000}"), 200);
	assert_int_equal(
		ask("POST", "/v2/video/list/?fields=id,x", good, "application/json", "{}"), 200);
}

static void a_page_holds_what_the_world_holds(void **state)
{
	struct world_account account;
	struct world_video video;
	char expected[100];

	world_account(&world, 1, &account);
	world_video(&world, &account, 2, &video);
	assert_int_equal(ask_list(access_token(1), "{\"max_count\":3}"), 200);
	snprintf(expected, sizeof(expected), "{\"id\":\"%s\",\"title\":\"", video.id);
	assert_true(answer_holds(expected));
	snprintf(expected, sizeof(expected), "\"cursor\":%lld000,\"has_more\":true}",
		(long long)video.create_time_s);
	assert_true(answer_holds(expected));
	assert_true(answer_holds("\"error\":{\"code\":\"ok\",\"message\":\"\",\"log_id\":\""));
	assert_true(answer_holds("x-tt-logid: "));
}

static void a_query_leaves_out_what_is_not_the_users(void **state)
{
	struct world_account account;
	char body[200];

	world_account(&world, 1, &account);
	snprintf(body, sizeof(body),
		"{\"filters\":{\"video_ids\":[\"%llu\",\"%llu\",\"7700000000000000000\",\"x\"]}}",
		(unsigned long long)world_video_id(&world, 1, 3),
		(unsigned long long)world_video_id(&world, 2, 3));
	assert_int_equal(ask("POST", "/v2/video/query/?fields=id", access_token(1),
				 "application/json", body),
		200);
	snprintf(body, sizeof(body), "{\"data\":{\"videos\":[{\"id\":\"%llu\"}]}",
		(unsigned long long)world_video_id(&world, 1, 3));
	assert_true(answer_holds(body));
	assert_int_equal(ask("POST", "/v2/video/query/?fields=id", access_token(1),
				 "application/json", "{\"filters\":{\"video_ids\":[]}}"),
		400);
}

static void errors_take_the_shape_that_is_asked_for(void **state)
{
	ask_user("act.wrong");
	assert_memory_equal(answer.body, "{\"data\":{},\"error\":{\"code\":", 26);
	post_admin("/admin/knobs", "{\"error_data\":\"absent\"}");
	ask_user("act.wrong");
	assert_memory_equal(answer.body, "{\"error\":{\"code\":", 17);
	post_admin("/admin/knobs", "{\"error_data\":\"null\"}");
	ask_user("act.wrong");
	assert_memory_equal(answer.body, "{\"data\":null,\"error\":{", 22);
	post_admin("/admin/knobs", "{\"error_data\":\"flat\"}");
	ask_user("act.wrong");
	assert_memory_equal(answer.body, "{\"code\":\"access_token_invalid\"", 30);
}

static void the_601st_call_is_refused_until_a_minute_has_passed(void **state)
{
	for (int i = 0; i < 600; i++)
		assert_int_equal(ask_user(access_token(1)), 200);
	post_admin("/admin/knobs", "{\"retry_after\":\"on\"}");
	assert_int_equal(ask_user(access_token(2)), 429);
	assert_true(answer_holds("Retry-After: "));
	assert_int_equal(ask_list(access_token(2), "{}"), 200);
	post_admin("/admin/clock", "{\"advance_s\":61}");
	assert_int_equal(ask_user(access_token(2)), 200);
	ask("GET", "/admin/stats", NULL, NULL, NULL);
	assert_true(answer_holds("\"status_429\":1,"));
	assert_true(
		answer_holds("\"user_info\":{\"calls\":602,\"dropped\":0,\"highest_in_60s\":601,"));
}

static void the_limit_can_be_each_accounts_own(void **state)
{
	post_admin("/admin/knobs", "{\"rate_key\":\"token\",\"rate_limit\":\"1\"}");
	assert_int_equal(ask_user(access_token(1)), 200);
	assert_int_equal(ask_user(access_token(2)), 200);
	assert_int_equal(ask_user(access_token(1)), 429);
}

static void oauth_errors_come_under_200_or_400(void **state)
{
	assert_int_equal(refresh("rft.wrong"), 200);
	assert_true(
		answer_holds("{\"error\":\"invalid_grant\",\"error_description\":\"Refresh token "
			     "is invalid or expired.\",\"log_id\":\""));
	assert_int_equal(ask("POST", "/v2/oauth/token/", NULL, FORM, "client_key=x"), 200);
	assert_true(answer_holds("Client secret is missed in request."));
	assert_int_equal(ask("POST", "/v2/oauth/token/", NULL, "application/json", "{}"), 200);
	assert_true(answer_holds("\"invalid_request\""));
	assert_int_equal(ask("POST", "/v2/oauth/token/", NULL, FORM, CLIENT "&grant_type=x"), 200);
	assert_true(answer_holds("\"unsupported_grant_type\""));
	post_admin("/admin/knobs", "{\"oauth_error_status\":\"400\"}");
	assert_int_equal(refresh("rft.wrong"), 400);
	assert_int_equal(ask("POST", "/v2/oauth/token/", NULL, FORM,
				 "client_key=x&client_secret=y&grant_type=refresh_token"),
		401);
	assert_true(answer_holds("\"invalid_client\""));
}

static void a_refresh_that_is_dropped_has_rotated(void **state)
{
	post_admin("/admin/faults", "{\"fault\":\"drop\",\"endpoint\":\"token\"}");
	assert_int_equal(refresh(refresh_token(1)), 0);
	assert_int_equal(refresh(refresh_token(1)), 200);
	assert_true(answer_holds("invalid_grant"));
	ask("GET", "/admin/stats", NULL, NULL, NULL);
	assert_true(answer_holds("\"superseded_refresh_attempts\":1,"));
	assert_true(answer_holds("\"refreshes_granted\":1,"));

	post_admin("/admin/faults", "{\"fault\":\"drop\",\"works\":false}");
	assert_int_equal(refresh(refresh_token(2)), 0);
	assert_int_equal(refresh(refresh_token(2)), 200);
	assert_true(answer_holds("access_token"));
}

static void spoiled_answers_look_as_named(void **state)
{
	const char *good = access_token(1);

	post_admin("/admin/faults", "{\"fault\":\"error_500\",\"count\":2}");
	assert_int_equal(ask_user(good), 500);
	assert_true(answer_holds("internal_error"));
	assert_int_equal(refresh(refresh_token(1)), 500);
	assert_true(answer_holds("{\"error\":\"server_error\""));
	post_admin("/admin/faults", "{\"fault\":\"error_429\"}");
	assert_int_equal(ask_user(good), 429);
	post_admin("/admin/faults", "{\"fault\":\"html_502\"}");
	assert_int_equal(ask_user(good), 502);
	assert_true(answer_holds("Content-Type: text/html"));
	post_admin("/admin/faults", "{\"fault\":\"empty_body\"}");
	assert_int_equal(ask_user(good), 200);
	assert_string_equal(answer.body, "");
	post_admin("/admin/faults", "{\"fault\":\"body\",\"body\":\"[1\",\"times\":3}");
	assert_int_equal(ask_user(good), 200);
	assert_string_equal(answer.body, "[1[1[1");
	post_admin("/admin/faults", "{\"fault\":\"server_error\"}");
	assert_int_equal(refresh(refresh_token(1)), 200);
	assert_true(answer_holds("server_error"));
	post_admin("/admin/faults", "{\"fault\":\"invalid_client\"}");
	assert_int_equal(refresh(refresh_token(1)), 200);
	assert_true(answer_holds("invalid_client"));
	assert_int_equal(ask_user(good), 200);
}

static size_t content_length(void)
{
	const char *header = strstr(text_string(&answer.raw), "Content-Length: ");

	assert_non_null(header);
	return strtoul(header + strlen("Content-Length: "), NULL, 10);
}

static void half_a_body_agrees_with_its_length_or_not(void **state)
{
	post_admin("/admin/faults", "{\"fault\":\"truncated_json\"}");
	assert_int_equal(ask_user(access_token(1)), 200);
	assert_int_equal(strlen(answer.body), content_length());
	assert_int_not_equal(answer.body[strlen(answer.body) - 1], '}');
	post_admin("/admin/faults", "{\"fault\":\"cut_body\"}");
	assert_int_equal(ask_user(access_token(1)), 200);
	assert_true(strlen(answer.body) < content_length());
}

static void users_change_their_minds_amid_a_crawl(void **state)
{
	post_admin("/admin/faults",
		"[{\"fault\":\"post_video\",\"endpoint\":\"video_list\"},"
		"{\"fault\":\"hide_video\",\"endpoint\":\"video_list\"},"
		"{\"fault\":\"delete_video\",\"endpoint\":\"video_list\"},"
		"{\"fault\":\"revoke\",\"endpoint\":\"video_list\",\"after\":1}]");
	assert_int_equal(ask_list(access_token(1), "{\"max_count\":20}"), 200);
	assert_true(answer_holds("Posted between two pages"));
	assert_int_equal(ask_list(access_token(1), "{\"max_count\":20}"), 401);
	assert_true(answer_holds("access_token_invalid"));
	refresh(refresh_token(1));
	assert_true(answer_holds("invalid_grant"));
	post_admin("/admin/faults", "{\"fault\":\"expire_access\"}");
	assert_int_equal(ask_user(access_token(2)), 401);
	refresh(refresh_token(2));
	assert_true(answer_holds("\"access_token\":\"act."));
}

static void an_account_is_shown_and_changed(void **state)
{
	struct world_account account;
	char target[100], body[200];

	world_account(&world, 1, &account);
	snprintf(target, sizeof(target), "/admin/account/%s", account.open_id);
	snprintf(body, sizeof(body),
		"{\"follower_count\":4000000000,\"delete_video\":\"%llu\",\"post_video\":{\"title\":"
		"\"n\"},\"rotate\":true}",
		(unsigned long long)world_video_id(&world, 1, 0));
	post_admin(target, body);
	assert_true(answer_holds("\"rotations\":1,"));
	assert_true(answer_holds("\"visibility\":\"deleted\",\"posted\":false"));
	assert_int_equal(ask_user(access_token(1)), 200);
	assert_true(answer_holds("\"follower_count\":4000000000"));
	refresh(refresh_token(1));
	assert_true(answer_holds("invalid_grant"));
	assert_int_equal(ask("POST", target, NULL, NULL, "{\"what\":true}"), 400);
	assert_int_equal(ask("GET", target, NULL, NULL, NULL), 200);
	post_admin("/admin/expire-all-tokens", "");
	assert_int_equal(ask_user(access_token(3)), 401);
}

static void consent_leads_to_tokens(void **state)
{
	char form[600];
	char *code, *token;

	post_admin(
		"/admin/knobs", "{\"consent\":\"allow\",\"withheld_scope\":\"user.info.stats\"}");
	assert_int_equal(
		ask("GET",
			"/v2/auth/authorize/?client_key=sbsimclientkey&response_type=code"
			"&scope=user.info.basic,user.info.stats,video.list&state=s%26t&account=5"
			"&redirect_uri=" REDIRECT "&code_challenge=" HEX
			"&code_challenge_method=S256",
			NULL, NULL, NULL),
		302);
	assert_true(answer_holds("Location: " REDIRECT "?code="));
	assert_true(
		answer_holds("%2A0%216410&scopes=user.info.basic%2Cvideo.list&state=s%26t\r\n"));
	code = strstr(answer.raw.data, "?code=") + 6;
	snprintf(form, sizeof(form),
		CLIENT "&grant_type=authorization_code&code=%.*s&redirect_uri=" REDIRECT
		       "&code_verifier=" VERIFIER,
		(int)strcspn(code, "&"), code);
	assert_int_equal(ask("POST", "/v2/oauth/token/", NULL, FORM, form), 200);
	assert_true(
		answer_holds("\"scope\":\"user.info.basic,video.list\",\"token_type\":\"Bearer\""));
	token = member("access_token");
	assert_int_equal(ask_list(token, "{}"), 200);
	snprintf(form, sizeof(form), CLIENT "&token=%s", token);
	assert_int_equal(ask("POST", "/v2/oauth/revoke/", NULL, FORM, form), 200);
	assert_string_equal(answer.body, "{}");
	assert_int_equal(ask_list(token, "{}"), 401);
	free(token);
}

static void the_page_asks_and_a_denial_redirects(void **state)
{
	assert_int_equal(
		ask("GET",
			"/v2/auth/authorize/?client_key=sbsimclientkey&response_type=code"
			"&scope=video.list&state=%22%3E&redirect_uri=https://example.com/cb/",
			NULL, NULL, NULL),
		200);
	assert_true(answer_holds("name=\"decision\" value=\"allow\""));
	assert_true(answer_holds("name=\"state\" value=\"&#34;&#62;\""));
	assert_int_equal(
		ask("POST", "/v2/auth/authorize/", NULL, FORM,
			"client_key=sbsimclientkey&response_type=code&scope=video.list&state=s"
			"&redirect_uri=https://example.com/cb/&decision=deny"),
		302);
	assert_true(answer_holds("?error=access_denied&error_description="));
	assert_int_equal(
		ask("GET",
			"/v2/auth/authorize/?client_key=wrong&redirect_uri=https://example.com/cb/",
			NULL, NULL, NULL),
		400);
	assert_int_equal(ask("GET",
				 "/v2/auth/authorize/?client_key=sbsimclientkey&response_type=code"
				 "&scope=video.list&state=s&redirect_uri=" REDIRECT,
				 NULL, NULL, NULL),
		302);
	assert_true(answer_holds("error=invalid_request"));
}

/* 128 is the batch of libmicrohttpd's own event loop, which would sleep on exactly so many events. */
static void many_answers_wait_at_once(void **state)
{
	int fds[2 * 128];

	post_admin("/admin/knobs", "{\"latency_ms\":\"300\"}");
	for (int i = 0; i < 2 * 128; i++) {
		fds[i] = connect_to_simulator();
		send_request(fds[i], "GET", "/v2/user/info/?fields=open_id", access_token(1), NULL,
			NULL);
	}
	for (int i = 0; i < 2 * 128; i++) {
		read_answer(fds[i]);
		assert_int_equal(answer.status, 200);
	}
	ask("GET", "/admin/stats", NULL, NULL, NULL);
	assert_true(answer_holds("\"in_flight\":0,"));
	assert_false(answer_holds("\"highest_in_flight\":1,"));
}

static void a_delayed_answer_has_done_its_work(void **state)
{
	struct pollfd wait = {.events = POLLIN};
	char form[300];

	post_admin("/admin/faults", "{\"fault\":\"delay\",\"delay_ms\":60000}");
	wait.fd = connect_to_simulator();
	snprintf(form, sizeof(form), CLIENT "&grant_type=refresh_token&refresh_token=%s",
		refresh_token(1));
	send_request(wait.fd, "POST", "/v2/oauth/token/", NULL, FORM, form);
	assert_int_equal(poll(&wait, 1, WAITING), 0);
	refresh(refresh_token(1));
	assert_true(answer_holds("invalid_grant"));
	close(wait.fd);
}

static int start_simulator(void **state)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 20);
	int out[2];
	FILE *line;

	path[length < 0 ? 0 : length] = '\0';
	snprintf(strrchr(path, '/') + 1, 20, "tiktok-sim");
	if (pipe(out) != 0)
		return -1;
	close(mkstemp(journal));
	child = fork();
	if (child == 0) {
		dup2(out[1], STDOUT_FILENO);
		execl(path, path, "--listen", "127.0.0.1:0", "--videos-each", "50", "--journal",
			journal, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	line = fdopen(out[0], "r");
	if (!line || !fgets(path, sizeof(path), line))
		return -1;
	port = (unsigned)strtoul(path + strlen("listening on http://127.0.0.1:"), NULL, 10);
	fclose(line);
	world_init(&world);
	world.videos_each = 50;
	return 0;
}

static int stop_simulator(void **state)
{
	int status;

	text_finish(&answer.raw);
	unlink(journal);
	kill(child, SIGTERM);
	waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* Every line after the last reset, its moment left out. */
static void read_journal(struct text *lines)
{
	FILE *file = fopen(journal, "re");
	char line[200];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		const char *rest = strchr(line, '\t') + 1;

		if (strncmp(rest, "reset", 5) == 0)
			text_clear(lines);
		else
			text_append(lines, rest);
	}
	fclose(file);
}

static void the_journal_tells_every_call_and_every_use_of_a_refresh_token(void **state)
{
	struct text lines = {0};
	char *second;

	ask_user(access_token(1));
	ask_user("act.wrong");
	ask("GET", "/v2/nothing/", NULL, NULL, NULL);
	refresh(refresh_token(7));
	second = member("refresh_token");
	refresh(refresh_token(7));
	post_admin("/admin/faults", "{\"fault\":\"drop\",\"endpoint\":\"token\"}");
	refresh(second);
	refresh("rft.wrong");
	post_admin("/admin/faults", "{\"fault\":\"invalid_client\",\"endpoint\":\"token\"}");
	refresh(refresh_token(8));
	post_admin("/admin/knobs", "{\"rotation\":\"grace\"}");
	refresh(second);
	read_journal(&lines);
	assert_string_equal(text_string(&lines), "user_info\t200\t1\t-\t-\n"
						 "user_info\t401\t-\t-\t-\n"
						 "none\t404\t-\t-\t-\n"
						 "token\t200\t7\t1\tgranted\n"
						 "token\t200\t7\t1\tsuperseded\n"
						 "token\tdropped\t7\t2\tgranted\n"
						 "token\t200\t-\t0\tunknown\n"
						 "token\t200\t8\t1\tunseen\n"
						 "token\t200\t7\t2\tgrace\n");
	free(second);
	text_finish(&lines);
}

static int reset_simulator(void **state)
{
	post_admin("/admin/reset", "");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(checks_come_in_their_order, reset_simulator),
		cmocka_unit_test_setup(
			a_missing_scope_comes_after_wrong_parameters, reset_simulator),
		cmocka_unit_test_setup(bodies_of_the_list_are_read_strictly, reset_simulator),
		cmocka_unit_test_setup(a_page_holds_what_the_world_holds, reset_simulator),
		cmocka_unit_test_setup(a_query_leaves_out_what_is_not_the_users, reset_simulator),
		cmocka_unit_test_setup(errors_take_the_shape_that_is_asked_for, reset_simulator),
		cmocka_unit_test_setup(
			the_601st_call_is_refused_until_a_minute_has_passed, reset_simulator),
		cmocka_unit_test_setup(the_limit_can_be_each_accounts_own, reset_simulator),
		cmocka_unit_test_setup(oauth_errors_come_under_200_or_400, reset_simulator),
		cmocka_unit_test_setup(a_refresh_that_is_dropped_has_rotated, reset_simulator),
		cmocka_unit_test_setup(spoiled_answers_look_as_named, reset_simulator),
		cmocka_unit_test_setup(half_a_body_agrees_with_its_length_or_not, reset_simulator),
		cmocka_unit_test_setup(users_change_their_minds_amid_a_crawl, reset_simulator),
		cmocka_unit_test_setup(an_account_is_shown_and_changed, reset_simulator),
		cmocka_unit_test_setup(consent_leads_to_tokens, reset_simulator),
		cmocka_unit_test_setup(the_page_asks_and_a_denial_redirects, reset_simulator),
		cmocka_unit_test_setup(many_answers_wait_at_once, reset_simulator),
		cmocka_unit_test_setup(a_delayed_answer_has_done_its_work, reset_simulator),
		cmocka_unit_test_setup(
			the_journal_tells_every_call_and_every_use_of_a_refresh_token,
			reset_simulator),
	};

	return cmocka_run_group_tests(tests, start_simulator, stop_simulator);
}
