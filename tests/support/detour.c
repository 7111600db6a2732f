/* SPDX-License-Identifier: MIT */
/*
 * A way to a server by way of a chaos proxy. The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/detour.h"

#include <string.h>

struct chaos *test_detour_start(const char *url, struct text *detour)
{
	const char *host = strrchr(url, '@') + 1;
	size_t length = strcspn(host, "/?");
	struct text target = {0};
	struct chaos *chaos = NULL;
	struct error err;

	text_append_bytes(&target, host, length);
	if (!chaos_start(&(struct chaos_options){.listen = "127.0.0.1:0", .target = target.data},
		    &chaos, &err))
		fail_msg("%s", err.text);
	text_append_format(detour, "%.*s127.0.0.1:%d%s", (int)(host - url), url, chaos_port(chaos),
		host + length);
	text_finish(&target);
	return chaos;
}
