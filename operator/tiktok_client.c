/* SPDX-License-Identifier: MIT */
/*
 * Calls to TikTok, one after the other. One thread.
 */
#include "operator/tiktok_client.h"

#include <stdlib.h>

#include "common/memory.h"

#define REPLY_MAX ((size_t)1 << 20)

struct tiktok_client {
	struct http *http;
	struct tiktok_app app;
	int64_t timeout_ms;
};

struct waited {
	bool is_done;
	http_done *read;
	void *context;
};

bool tiktok_client_create(
	const struct config *config, struct tiktok_client **client, struct error *err)
{
	const struct http_options options = {.max_calls = 1,
		.connect_timeout_ms = config->http_timeout_ms,
		.reply_max_bytes = REPLY_MAX,
		.plain_allowed = true};
	struct http *http = NULL;

	if (!http_create(&options, &http, err))
		return false;
	*client = memory_allocate(1, sizeof **client);
	**client = (struct tiktok_client){.http = http,
		.app = {.api_url = config->tiktok_api_url,
			.client_key = config->tiktok_client_key,
			.client_secret = config->tiktok_client_secret},
		.timeout_ms = config->http_timeout_ms};
	return true;
}

void tiktok_client_destroy(struct tiktok_client *client)
{
	if (!client)
		return;
	http_destroy(client->http);
	free(client);
}

const struct tiktok_app *tiktok_client_app(const struct tiktok_client *client)
{
	return &client->app;
}

static void pass_on(void *owner, const struct http_reply *reply)
{
	struct waited *waited = owner;

	waited->is_done = true;
	waited->read(waited->context, reply);
}

void tiktok_client_call(
	struct tiktok_client *client, struct tiktok_call *call, http_done *read, void *context)
{
	struct http_request request = tiktok_request(call, client->timeout_ms);
	struct waited waited = {.read = read, .context = context};

	http_send(client->http, &request, pass_on, &waited);
	while (!waited.is_done)
		http_run(client->http, client->timeout_ms);
	tiktok_call_finish(call);
}
