/* SPDX-License-Identifier: MIT */
/*
 * Asking RabbitMQ's management API. Runs in syncctl's one thread.
 */
#include "common/management.h"

#include <stdlib.h>
#include <string.h>

#include "common/http.h"
#include "common/memory.h"
#include "common/text.h"

#define REPLY_MAX_BYTES  ((size_t)32 * 1024 * 1024)
#define DEADLINE_MS      20000
#define CONNECT_LIMIT_MS 5000

struct management {
	const char *url;
	struct http *http;
};

bool management_create(const char *url, struct management **management, struct error *err)
{
	const struct http_options options = {
		.max_calls = 1,
		.connect_timeout_ms = CONNECT_LIMIT_MS,
		.reply_max_bytes = REPLY_MAX_BYTES,
		.plain_allowed = true,
	};
	struct http *http = NULL;

	if (!http_create(&options, &http, err))
		return false;
	*management = memory_allocate(1, sizeof **management);
	**management = (struct management){.url = url, .http = http};
	return true;
}

void management_destroy(struct management *management)
{
	if (!management)
		return;
	http_destroy(management->http);
	free(management);
}

struct fetched {
	bool done;
	int status;
	struct json *document;
	struct error error;
};

static void keep_reply(void *owner, const struct http_reply *reply)
{
	struct fetched *fetched = owner;

	fetched->done = true;
	fetched->status = reply->status;
	fetched->error = reply->error;
	if (reply->status == 200 &&
		!json_parse(reply->body, reply->length, &fetched->document, &fetched->error))
		fetched->document = NULL;
}

static void append_address(
	struct text *address, const char *url, const char *path, const char *vhost)
{
	const char *rest = strstr(path, "%s");

	text_append(address, url);
	while (address->length > 0 && address->data[address->length - 1] == '/')
		address->data[--address->length] = '\0';
	text_append_bytes(address, path, (size_t)(rest - path));
	text_append_url(address, vhost);
	text_append(address, rest + 2);
}

bool management_get(struct management *management, const char *path, const char *vhost,
	struct json **document, struct error *err)
{
	struct fetched fetched = {0};
	struct text address = {0};
	struct http_request request = {.method = HTTP_GET, .deadline_ms = DEADLINE_MS};
	bool ok = false;

	append_address(&address, management->url, path, vhost);
	request.url = text_string(&address);
	http_send(management->http, &request, keep_reply, &fetched);
	while (!fetched.done)
		http_run(management->http, DEADLINE_MS);

	if (fetched.status == 0) {
		error_set(err, ERROR_BROKER, "the management API does not answer: %s",
			fetched.error.text);
	} else if (fetched.status == 404) {
		*document = NULL;
		ok = true;
	} else if (fetched.status == 401) {
		error_set(err, ERROR_BROKER,
			"the management API refuses the user of AMQP_MANAGEMENT_URL (it needs the "
			"tag \"management\" or \"monitoring\" and access to the vhost)");
	} else if (!fetched.document) {
		error_set(err, ERROR_BROKER,
			"the management API answered with status %d and nothing we understand",
			fetched.status);
	} else {
		*document = fetched.document;
		ok = true;
	}
	text_finish_secret(&address);
	return ok;
}
