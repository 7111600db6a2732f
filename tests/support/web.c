/* SPDX-License-Identifier: MIT */
/*
 * HTTP for tests, over libcurl. The test thread.
 */
#include "tests/support/web.h"

#include <curl/curl.h>

static size_t collect(char *bytes, size_t size, size_t count, void *reply)
{
	if (reply)
		text_append_bytes(reply, bytes, size * count);
	return size * count;
}

static CURL *prepare(const char *method, const char *url, struct text *reply)
{
	CURL *curl = curl_easy_init();

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
	return curl;
}

int test_web_call(const char *method, const char *url, const char *body, struct text *reply)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	CURL *curl = prepare(method, url, reply);
	long status = 0;

	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	return (int)status;
}

int test_web_follow(const char *url, struct text *location, struct text *reply)
{
	CURL *curl = prepare("GET", url, reply);
	const char *target = NULL;
	long status = 0;

	if (curl_easy_perform(curl) == CURLE_OK) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &target);
	}
	if (target)
		text_append(location, target);
	curl_easy_cleanup(curl);
	return (int)status;
}
