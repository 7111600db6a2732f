/* SPDX-License-Identifier: MIT */
/*
 * One call to TikTok at a time, waited for. A call that was sent is never dropped, also not when the
 * process is asked to stop: TikTok may have acted on it. HTTP_TIMEOUT bounds it.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_TIKTOK_CLIENT_H
#define OPERATOR_TIKTOK_CLIENT_H

#include <stdbool.h>

#include "common/config.h"
#include "common/error.h"
#include "common/http.h"
#include "common/tiktok_call.h"

struct tiktok_client;

/* Borrows from config. */
bool tiktok_client_create(
	const struct config *config, struct tiktok_client **client, struct error *err);
void tiktok_client_destroy(struct tiktok_client *client); /* NULL: nothing to do */
const struct tiktok_app *tiktok_client_app(const struct tiktok_client *client);
/* Make the call; read(context, reply) is called once, with an answer or without one. Ends *call. */
void tiktok_client_call(
	struct tiktok_client *client, struct tiktok_call *call, http_done *read, void *context);

#endif
