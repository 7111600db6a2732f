/* SPDX-License-Identifier: MIT */
/*
 * Waiting for TikTok's redirect on a port of 127.0.0.1. The state is good for one answer; whatever
 * else comes is refused in the browser and does not end the wait, or any page that the merchant has
 * open could.
 *
 *     connect_listen_start() -> connect_listen_wait() -> connect_listen_tell() -> connect_listen_stop()
 *
 * Threads: the main thread; the server's own answers browsers meanwhile.
 */
#ifndef OPERATOR_CONNECT_LISTEN_H
#define OPERATOR_CONNECT_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "operator/redirect.h"

struct connect_listen;

/*
 * Listen on port (0: any). setting is what the text of an error names; path and state are borrowed.
 * Fails: as http_server_start().
 */
bool connect_listen_start(const char *setting, int port, const char *path, const char *state,
	struct connect_listen **listen, struct error *err);
int connect_listen_port(const struct connect_listen *listen);
/*
 * Wait for the answer with our state. The browser waits for connect_listen_tell() from then on.
 *
 * Owns:  the caller ends *redirect with redirect_finish().
 * Fails: stopping - the process is asked to stop; settings - timeout_ms have passed.
 */
bool connect_listen_wait(struct connect_listen *listen, int64_t timeout_ms,
	struct redirect *redirect, struct error *err);
/* Show the browser what came of it; words are escaped. Waits until they are sent, or 2 s. */
void connect_listen_tell_success(struct connect_listen *listen, const char *words);
void connect_listen_tell_failure(struct connect_listen *listen, const char *words);
/* A browser that still waits is told that nothing came of it. NULL: nothing to do. */
void connect_listen_stop(struct connect_listen *listen);

#endif
