/* SPDX-License-Identifier: MIT */
/*
 * The way of a program to its servers. The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/faults/partition/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "tests/bench/meter/proc.h"

#define SLICE_DELAY_US 1000

static const char *const setting_names[] = {[LINK_BROKER] = "AMQP_URL",
	[LINK_DATABASE] = "DATABASE_URL",
	[LINK_TIKTOK] = "TIKTOK_API_URL"};

static const char *url_of(const struct test_fleet *fleet, enum link_server server)
{
	const char *const urls[] = {[LINK_BROKER] = fleet->vhost.amqp_url,
		[LINK_DATABASE] = fleet->database.url,
		[LINK_TIKTOK] = fleet->simulator_url};

	return urls[server];
}

/* Where host:port stands in a URL, "scheme://user:password@host:port/rest". */
static const char *find_address(const char *url, int *length)
{
	const char *authority = strstr(url, "://") + 3;
	const char *end = authority + strcspn(authority, "/?");
	const char *at = memchr(authority, '@', (size_t)(end - authority));

	authority = at ? at + 1 : authority;
	*length = (int)(end - authority);
	return authority;
}

/* A proxy to one server, and the setting that makes programs use it. */
static void add_proxy(struct link *link, const struct test_fleet *fleet, enum link_server server,
	uint64_t seed, char **setting)
{
	const char *host = link->cut == server ? WIRE_CUT_ADDRESS : WIRE_CALM_ADDRESS;
	const char *url = url_of(fleet, server);
	struct text target = {0}, listen = {0}, written = {0};
	struct chaos_options options = {.seed = seed};
	int length, listening = 0;
	const char *address = find_address(url, &length);
	struct error err;
	bool ok;

	host = link->has_wire ? host : "127.0.0.1";
	text_append_format(&target, "%.*s", length, address);
	text_append_format(&listen, "%s:0", host);
	options.target = target.data;
	if (link->has_wire)
		wire_enter(&link->wire, WIRE_SERVERS);
	ok = chaos_listen(listen.data, &listening, &err);
	if (link->has_wire)
		wire_enter(&link->wire, WIRE_HOME);
	options.listener = listening;
	if (!ok || !chaos_start(&options, &link->proxies[server], &err))
		fail_msg("%s", err.text);
	text_append_format(&written, "%s=%.*s%s:%d%s", setting_names[server], (int)(address - url),
		url, host, chaos_port(link->proxies[server]), address + length);
	*setting = written.data;
	text_finish(&target);
	text_finish(&listen);
}

void link_create(struct link *link, struct test_fleet *fleet, enum link_server cut,
	enum link_means means, uint64_t seed)
{
	int count = 0;

	*link = (struct link){.cut = cut};
	link->has_wire = means == MEANS_NETWORK && wire_create(&link->wire);
	for (int server = 0; server < LINK_SERVERS; server++)
		if (link->has_wire || server == (int)cut)
			add_proxy(link, fleet, (enum link_server)server, seed + (uint64_t)server,
				&link->settings[count++]);
}

void link_destroy(struct link *link)
{
	for (int server = 0; server < LINK_SERVERS; server++)
		chaos_stop(link->proxies[server]);
	for (char **setting = link->settings; *setting; setting++)
		free(*setting);
	if (link->has_wire)
		wire_destroy(&link->wire);
	*link = (struct link){0};
}

void link_start(struct link *link, struct test_fleet *fleet, const char *const argv[],
	const char *const overrides[])
{
	const char *environment[32] = {0};
	int count = 0;

	for (char **setting = fleet->settings; *setting; setting++)
		environment[count++] = *setting;
	for (char **setting = link->settings; *setting; setting++)
		environment[count++] = *setting;
	while (overrides && *overrides && count < 31)
		environment[count++] = *overrides++;
	assert_true(fleet->program_count < TEST_FLEET_PROGRAMS);
	if (link->has_wire)
		wire_enter(&link->wire, WIRE_PROGRAM);
	link->process = test_process_start(argv, environment, NULL);
	if (link->has_wire)
		wire_enter(&link->wire, WIRE_HOME);
	fleet->programs[fleet->program_count++] = link->process;
}

/* ---- Harm ---- */

static void lose(struct link *link, enum chaos_direction direction)
{
	link->is_lost[direction] = link->has_wire;
	if (link->has_wire)
		wire_cut(&link->wire, direction);
	else
		chaos_set(link->proxies[link->cut], direction, &(struct chaos_toxics){.hold = 1});
}

static void slice(struct chaos *proxy)
{
	const struct chaos_toxics toxics = {.slice = 1, .slice_delay_us = SLICE_DELAY_US};

	chaos_set(proxy, CHAOS_TO_SERVER, &toxics);
	chaos_set(proxy, CHAOS_TO_CLIENT, &toxics);
}

static int64_t accepted(struct chaos *proxy)
{
	struct chaos_stats stats = {0};

	if (proxy)
		chaos_read_stats(proxy, &stats);
	return stats.accepted;
}

static int64_t accepted_elsewhere(const struct link *link)
{
	int64_t sum = 0;

	for (int server = 0; server < LINK_SERVERS; server++)
		if (server != (int)link->cut)
			sum += accepted(link->proxies[server]);
	return sum;
}

static int64_t connects(const struct link *link)
{
	return link->has_wire ? wire_count_connects(&link->wire)
			      : accepted(link->proxies[link->cut]);
}

static double cpu_ms(const struct link *link)
{
	return link->process && test_process_is_running(link->process)
		       ? proc_cpu_ms(test_process_pid(link->process))
		       : 0;
}

/* A partition that is none would prove nothing. Our own attempt is not one of the program's. */
static void assert_parted(struct link *link)
{
	if (!link->has_wire || link->harm == HARM_SLICER)
		return;
	if (wire_connects_to(&link->wire, chaos_port(link->proxies[link->cut])))
		fail_msg("the network was to be cut, but lets connections pass");
	link->connects++;
}

void link_harm(struct link *link, enum link_harm harm, enum chaos_direction direction)
{
	struct chaos *proxy = link->proxies[link->cut];

	link->harm = harm;
	link->connects = connects(link);
	link->accepted_elsewhere = accepted_elsewhere(link);
	link->cpu_ms = cpu_ms(link);
	link->began_ms = clock_monotonic_ms();
	switch (harm) {
	case HARM_DROP:
		lose(link, CHAOS_TO_SERVER);
		lose(link, CHAOS_TO_CLIENT);
		if (!link->has_wire)
			chaos_set_door(proxy, CHAOS_SILENT);
		break;
	case HARM_RESET:
		chaos_set_door(proxy, CHAOS_REFUSE);
		chaos_reset(proxy);
		break;
	case HARM_ONE_WAY:
		lose(link, direction);
		break;
	case HARM_SLICER:
		slice(proxy);
		break;
	case HARMS:
		break;
	}
	assert_parted(link);
}

void link_heal(struct link *link)
{
	for (int i = 0; i < CHAOS_DIRECTIONS; i++) {
		if (link->is_lost[i])
			wire_mend(&link->wire, (enum chaos_direction)i);
		link->is_lost[i] = false;
	}
	if (link->proxies[link->cut])
		chaos_heal(link->proxies[link->cut]);
}

void link_measure(struct link *link, struct link_figures *figures)
{
	double ms = (double)(clock_monotonic_ms() - link->began_ms);
	double used_ms = cpu_ms(link) - link->cpu_ms;
	int64_t begun = connects(link) - link->connects;

	begun -= link->has_wire ? accepted_elsewhere(link) - link->accepted_elsewhere : 0;
	figures->cpu_percent = used_ms > 0 ? 100 * used_ms / ms : 0;
	figures->connects_per_second = (double)begun * 1000 / ms;
	/* Without the network's own count, connections that the proxy refuses are not seen. */
	if (!link->has_wire && link->harm == HARM_RESET)
		figures->connects_per_second = -1;
}
