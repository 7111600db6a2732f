/* SPDX-License-Identifier: MIT */
/*
 * A listening socket from the words of a setting. Threads: any.
 */
#ifndef COMMON_LISTENER_H
#define COMMON_LISTENER_H

#include <stdbool.h>

#include "common/error.h"

/*
 * Listen on "host:port", "[host]:port" or ":port" (every address, of IPv6 too where there is any);
 * port 0 picks one.
 *
 * Owns:  the caller closes *fd.
 * Fails: settings - not of this form, an unknown host, or somebody else listens there; the text
 *        names setting.
 */
bool listener_open(const char *setting, const char *where, int *fd, int *port, struct error *err);

#endif
