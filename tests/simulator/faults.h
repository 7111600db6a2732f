/* SPDX-License-Identifier: MIT */
/*
 * Faults: what goes wrong, at which endpoint, for whom, how often. A fault either changes the world
 * before the call is served (the user revokes the grant) or spoils the answer; whether a spoiled
 * call has done its work first (tokens rotated, then the connection dropped) is a property of its
 * own.
 *
 * Threads: the server thread; main adds faults before it starts.
 */
#ifndef TESTS_SIMULATOR_FAULTS_H
#define TESTS_SIMULATOR_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/text.h"
#include "tests/simulator/endpoints.h"
#include "tests/simulator/world.h"

#define FAULTS_MAX      256
#define FAULT_BODY_SIZE 2048

enum fault_kind {
	FAULT_DROP,
	FAULT_DELAY,
	FAULT_ERROR_500,
	FAULT_ERROR_429,
	FAULT_HTML_502,
	FAULT_TRUNCATED_JSON,
	FAULT_CUT_BODY,
	FAULT_EMPTY_BODY,
	FAULT_BODY,
	FAULT_SERVER_ERROR,
	FAULT_INVALID_CLIENT,
	FAULT_REVOKE,
	FAULT_DROP_SCOPE,
	FAULT_EXPIRE_ACCESS,
	FAULT_HIDE_VIDEO,
	FAULT_DELETE_VIDEO,
	FAULT_POST_VIDEO,
	FAULTS
};

enum fault_effect { FAULT_SPOILS_ANSWER, FAULT_CHANGES_WORLD };

struct fault_rule {
	const char *name;
	enum fault_effect effect;
	bool works; /* the call is served before its answer is spoiled, unless the fault says otherwise */
	const char *help;
};

struct fault {
	enum fault_kind kind;
	enum endpoint endpoint; /* ENDPOINTS: any but authorize */
	int64_t account;        /* -1: any */
	int64_t after;          /* so many matching calls pass first */
	int64_t count;          /* so many are hit; -1: all from then on */
	int64_t percent;        /* of those; by chance */
	int64_t delay_ms;
	unsigned scopes;            /* for drop_scope */
	char body[FAULT_BODY_SIZE]; /* for body; may hold NUL bytes */
	size_t body_length;
	int64_t times; /* so many copies of it */
	bool works;
	uint64_t given;
};

struct faults {
	struct fault list[FAULTS_MAX];
	size_t count;
	uint64_t random;
};

/* The row of a kind; static. */
const struct fault_rule *fault_rule(enum fault_kind kind);

/*
 * Add the faults of a JSON object, or of an array of them:
 *
 *	{"fault":"drop","endpoint":"token","count":1,"percent":100,"after":0,"delay_ms":0,"account":"<open_id>",
 *	 "scope":"video.list","body":"{}","times":1,"works":true}
 *
 * Only fault must be there. Fails: settings - the text says what is wrong; then none was added.
 */
bool faults_read(
	struct faults *faults, const struct world *world, const char *json, struct error *err);
void faults_clear(struct faults *faults);
/* Append the list as JSON, with how often each was given. */
void faults_write(const struct faults *faults, struct text *out);

/*
 * The next fault that hits a call, looking on from *place (start with 0); NULL: no more. account
 * -1: the call names none. The fault counts as given. Borrowed until the next change.
 */
const struct fault *faults_next(
	struct faults *faults, enum endpoint endpoint, int64_t account, size_t *place);

#endif
