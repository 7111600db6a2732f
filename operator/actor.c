/* SPDX-License-Identifier: MIT */
/*
 * The name of the operator. One thread.
 */
#include "operator/actor.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/utf8.h"

#define ACTOR_SIZE 400

void actor_append(struct text *out)
{
	const char *sudo_user = getenv("SUDO_USER");
	char actor[ACTOR_SIZE], record[4096];
	char host[256] = "?";
	struct passwd entry, *found = NULL;

	if (!sudo_user)
		getpwuid_r(geteuid(), &entry, record, sizeof record, &found);
	gethostname(host, sizeof host - 1);
	if (sudo_user || found)
		snprintf(
			actor, sizeof actor, "%s@%s", sudo_user ? sudo_user : found->pw_name, host);
	else
		snprintf(actor, sizeof actor, "user %ld@%s", (long)geteuid(), host);
	utf8_append_clean(actor, strlen(actor), out);
}
