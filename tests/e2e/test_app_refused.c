/* SPDX-License-Identifier: MIT */
/*
 * TikTok refuses our client key or secret, end to end: an alarm about the app, held like an outage. No
 * account is touched, no attempt counted, nothing goes to the dead letters; work goes on when the app
 * is accepted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/support/fleet.h"
#include "tests/support/wait.h"
#include "tests/support/web.h"

#define REFUSED     "TikTok refuses our client key or secret"
#define EXPIRE_SOON "UPDATE store_accounts SET token_expires_at = now() + interval '1 minute'"
#define INVALID     "{\"fault\":\"invalid_client\",\"endpoint\":\"token\",\"count\":-1}"
#define LOOK_US     50000

static struct test_fleet fleet;

static int64_t count(const char *sql)
{
	return test_query_integer(fleet.database.db, sql);
}

static int tear_down(void **state)
{
	test_fleet_destroy(&fleet);
	return 0;
}

/* A port that nobody listens on just now. */
static int pick_port(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static void assert_page(int port, const char *path, int status, const char *text)
{
	struct text page = {0};
	char url[64];

	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
	assert_int_equal(test_web_call("GET", url, NULL, &page), status);
	if (!strstr(text_string(&page), text))
		fail_msg("%s is not in %s:\n%s", text, path, text_string(&page));
	text_finish(&page);
}

static void assert_untouched(int64_t accounts)
{
	assert_int_equal(count("SELECT count(*) FROM store_accounts WHERE status = 'CONNECTED'"
			       " AND status_reason IS NULL AND failed_syncs = 0"
			       " AND token_version = 0 AND refresh_lease_owner IS NULL"
			       " AND refresh_intent_at IS NULL"),
		accounts);
}

static void assert_uncharged(int64_t accounts)
{
	test_fleet_wait_until_done(&fleet);
	assert_int_equal(
		count("SELECT count(*) FROM sync_jobs WHERE state = 'success' AND attempt = 1"),
		accounts);
	assert_int_equal(test_fleet_stat(&fleet, "refreshes_granted"), accounts);
	assert_int_equal(test_fleet_stat(&fleet, "superseded_refresh_attempts"), 0);
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE refresh_lease_owner IS NOT NULL"),
		0);
}

static void wait_for_more_calls(int64_t more)
{
	int64_t until = test_fleet_calls(&fleet) + more;
	int64_t deadline_ms = clock_monotonic_ms() + TEST_WAIT_MS;

	while (test_fleet_calls(&fleet) < until && clock_monotonic_ms() < deadline_ms)
		usleep(LOOK_US);
	assert_true(test_fleet_calls(&fleet) >= until);
}

static void a_wrong_client_secret_touches_no_account(void **state)
{
	char listen[40];
	const char *const wrong[] = {"TIKTOK_CLIENT_SECRET=wrong", "DRAIN_TIMEOUT=1", listen, NULL};
	int port = pick_port();
	struct test_process *worker;

	snprintf(listen, sizeof listen, "HTTP_LISTEN=127.0.0.1:%d", port);

	test_fleet_create(&fleet, 12, NULL);
	test_execute(fleet.database.db, EXPIRE_SOON);
	worker = test_fleet_start(&fleet, "storesync-worker", wrong);
	test_fleet_produce(&fleet, NULL);
	test_process_wait_for_output(worker, REFUSED);
	assert_page(port, "/readyz", 503,
		"check TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET (refreshing the token: TikTok answered");
	assert_page(port, "/metrics", 200, "\nstoresync_app_refused 1\n");
	wait_for_more_calls(1); /* a careful try */
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE attempt > 1 OR state IN"
			       " ('retrying', 'dead')"),
		0);
	assert_int_equal(test_process_stop(worker), 0);
	assert_untouched(12);
	test_fleet_start(&fleet, "storesync-worker", NULL);
	assert_uncharged(12);
}

/* TikTok refuses the app for a while, then accepts it again: nobody has to start anything. */
static void an_app_that_is_accepted_again_goes_on_by_itself(void **state)
{
	struct test_process *worker;

	test_fleet_create(&fleet, 12, NULL);
	test_execute(fleet.database.db, EXPIRE_SOON);
	test_fleet_tell_simulator(&fleet, "/admin/faults", INVALID);
	worker = test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_produce(&fleet, NULL);
	test_process_wait_for_output(worker, REFUSED);
	test_fleet_tell_simulator(&fleet, "/admin/faults/clear", "{}");
	assert_uncharged(12);
	test_process_wait_for_output(worker, "TikTok (oauth/token) is back");
}

/* The jobs go back to the queue; a probe, with nobody's token, sees when they can be taken again. */
static void a_refused_app_is_asked_about_when_nothing_is_held(void **state)
{
	static const char *const impatient[] = {"HOLD_TIMEOUT=5", NULL};
	struct test_process *worker;

	test_fleet_create(&fleet, 5, NULL);
	test_execute(fleet.database.db, EXPIRE_SOON);
	test_fleet_tell_simulator(&fleet, "/admin/faults", INVALID);
	worker = test_fleet_start(&fleet, "storesync-worker", impatient);
	test_fleet_produce(&fleet, NULL);
	test_process_wait_for_output(worker, REFUSED);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs WHERE state = 'queued' AND starts > 0", 5);
	wait_for_more_calls(1); /* a probe, that is refused */
	assert_untouched(5);
	assert_int_equal(
		count("SELECT count(*) FROM sync_jobs WHERE state = 'queued' AND starts = 1"), 5);
	test_fleet_tell_simulator(&fleet, "/admin/faults/clear", "{}");
	assert_uncharged(5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_wrong_client_secret_touches_no_account, tear_down),
		cmocka_unit_test_teardown(
			an_app_that_is_accepted_again_goes_on_by_itself, tear_down),
		cmocka_unit_test_teardown(
			a_refused_app_is_asked_about_when_nothing_is_held, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
