/* SPDX-License-Identifier: MIT */
/*
 * One request and what is answered to it. The server fills in the request, simulator_answer() the
 * reply, the server sends it. A call and its buffers are used again for the next request.
 *
 * Threads: the server thread.
 */
#ifndef TESTS_SIMULATOR_CALL_H
#define TESTS_SIMULATOR_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"
#include "tests/simulator/form.h"
#include "tests/simulator/grant.h"
#include "tests/simulator/knobs.h"

#define CALL_LOG_ID_SIZE 35 /* UTC YYYYMMDDhhmmss and 20 upper-case hex digits */

enum call_ending {
	CALL_ANSWERS,
	CALL_DROPS, /* the connection closes without a byte */
	CALL_CUTS,  /* the connection closes amid the body */
};

struct call {
	/* The request; NULL where a header was not sent. Borrowed from the server until the call ends. */
	const char *method;
	const char *path;
	const char *authorization;
	const char *content_type;
	struct form query;
	struct text body;
	bool body_too_large;
	struct form form; /* read from the body, which then is no longer whole */
	bool form_is_valid;

	/* The reply. */
	unsigned status;
	const char *type; /* static */
	struct text reply;
	struct text location;  /* empty: no such header */
	int64_t retry_after_s; /* 0: no such header */
	int64_t delay_ms;      /* the answer waits so long */
	enum call_ending ending;
	char log_id[CALL_LOG_ID_SIZE];
};

/* Forget the last request, keep the memory. */
void call_clear(struct call *call);
void call_finish(struct call *call);

/* The token of an Authorization: Bearer header; NULL: there is none. */
const char *call_bearer(const struct call *call);
/* Is the body of this media type? Parameters such as charset are left aside. */
bool call_has_type(const struct call *call, const char *type);

/* Append a JSON string with its quotes; fast for long ones with little to escape. */
void call_write_json(struct text *out, const char *string);

/* Start a JSON answer. */
void call_begin_json(struct call *call, unsigned status);
/* Append the error member of a data endpoint's success and close the object. */
void call_end_data(struct call *call);
/* The refusal of a data endpoint, in the shape of the knob error_data (TikTok, API v2 error handling). */
void call_refuse_data(struct call *call, const struct knobs *knobs, unsigned status,
	const char *code, const char *message);
/* The refusal of an OAuth endpoint, with the status of the knob oauth_error_status. */
void call_refuse_oauth(struct call *call, const struct knobs *knobs, const struct refusal *refusal);
/* A page of text or HTML instead of JSON. */
void call_answer_page(struct call *call, unsigned status, const char *type, const char *page);

#endif
