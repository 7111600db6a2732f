/* SPDX-License-Identifier: MIT */
/*
 * The table of kill points, and what strikes there. Points are reached on every thread. To add one:
 * the enum in killpoint.h, a row here, the call at its place, a row in tests/faults/points.c.
 */
#include "common/killpoint.h"

#ifdef STORESYNC_KILLPOINTS

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/process.h"

/* clang-format off */
static const struct killpoint_row rows[KILLPOINTS] = {
	[KILL_PRODUCER_PLANNED] = {"producer.planned", "the manifest is committed, nothing is published",
		"the rows: the next start publishes them"},
	[KILL_PRODUCER_PAGE_SENT] = {"producer.page_sent", "a job is published and not confirmed",
		"the rest of the page: it is published again, and a job that comes twice is done once"},
	[KILL_PRODUCER_PAGE_CONFIRMED] = {"producer.page_confirmed", "a page is confirmed and not marked",
		"that every job is done once, though the page is published again"},
	[KILL_PRODUCER_PAGE_MARKED] = {"producer.page_marked", "a page is marked, the next one is not read",
		"the pages behind it"},
	[KILL_WORKER_DELIVERED] = {"worker.delivered", "a job has come and nothing was done",
		"the job: it is delivered again"},
	[KILL_WORKER_PARKED] = {"worker.parked", "a job waits in memory for another one of its account",
		"both jobs"},
	[KILL_WORKER_BEFORE_CLAIM] = {"worker.before_claim", "the attempt is about to begin in the manifest",
		"the job: the manifest knows it as queued"},
	[KILL_WORKER_ADOPTED] = {"worker.adopted", "jobs of another program stand in the manifest, not begun",
		"that each stands there once"},
	[KILL_WORKER_CLAIMED] = {"worker.claimed", "the attempt has begun in the manifest and was not handed on",
		"the attempt: it is begun again"},
	[KILL_WORKER_LEASE_TAKEN] = {"worker.lease_taken", "lease and intent are committed, TikTok was not asked",
		"the account: when the lease has lapsed, another worker refreshes the token"},
	[KILL_WORKER_TOKEN_RECEIVED] = {"worker.token_received", "TikTok has replaced the token, nothing is on any disk",
		"the reason: this account alone must be connected again, and says lost_rotation"},
	[KILL_WORKER_TOKEN_SPOOLED] = {"worker.token_spooled", "the new pair is in the spool, not in the database",
		"the new pair: the next worker of this host saves it"},
	[KILL_WORKER_TOKEN_SAVED] = {"worker.token_saved", "the new pair is committed, and still in the spool; it was not used",
		"the new pair: nobody refreshes with the old one, nor is it saved twice"},
	[KILL_WORKER_TOKEN_RECOVERED] = {"worker.token_recovered", "a pair of the spool is committed, its file still there",
		"the new pair: the file is found to be of no use"},
	[KILL_WORKER_RELEASED] = {"worker.released", "a refresh failed and its lease is given back",
		"the job, and the account's next refresh"},
	[KILL_WORKER_CALL_SENT] = {"worker.call_sent", "a call is given to libcurl",
		"the attempt: its calls are made again"},
	[KILL_WORKER_REPLY_TAKEN] = {"worker.reply_taken", "TikTok's answer is there and was not read",
		"the attempt: its calls are made again"},
	[KILL_WORKER_BEFORE_SAVE] = {"worker.before_save", "a snapshot is complete in memory, nothing is committed",
		"the attempt: its calls are made again"},
	[KILL_WORKER_SAVED] = {"worker.saved", "snapshot and job are committed, nothing is published",
		"the result: it is told when the job is delivered again, without a call"},
	[KILL_WORKER_RESULT_SENT] = {"worker.result_sent", "the result is published and not confirmed",
		"the job's next station; a result that comes twice is one row"},
	[KILL_WORKER_RETRY_SENT] = {"worker.retry_sent", "the next attempt is on the ladder, not confirmed",
		"that each attempt is made once, though its message may be there twice"},
	[KILL_WORKER_DEAD_SENT] = {"worker.dead_sent", "the dead letter is published and not confirmed",
		"the letter; it may be there twice, with the same message_id"},
	[KILL_WORKER_SLICE_SENT] = {"worker.slice_sent", "a slice is saved, the message of the next is published and not confirmed",
		"the next slice; it may come twice, and is read once more at most"},
	[KILL_WORKER_CONFIRMED] = {"worker.confirmed", "all is confirmed, intake does not know it yet",
		"the end of the attempt: the job comes again and is found ended"},
	[KILL_WORKER_BEFORE_ACK] = {"worker.before_ack", "the job is about to be acknowledged",
		"the end of the attempt: the job comes again and is found ended"},
	[KILL_WORKER_AFTER_ACK] = {"worker.after_ack", "the ack was given to the socket",
		"anything at all: the job is done, with or without the ack"},
	[KILL_WORKER_TAKEN_BACK] = {"worker.taken_back", "an undone job is queued again in the manifest, its delivery is still ours",
		"the job: the broker gives it back by itself"},
	[KILL_WORKER_BEFORE_RETURN] = {"worker.before_return", "an undone job is about to be given back to the queue",
		"the job: the broker gives it back by itself"},
	[KILL_LOGGER_RECEIVED] = {"logger.received", "a result has come and is not written",
		"the result: it is delivered again"},
	[KILL_LOGGER_SAVED] = {"logger.saved", "the row is committed, its result not acknowledged",
		"that the attempt has one row, though its result comes again"},
	[KILL_LOGGER_ACKED] = {"logger.acked", "the ack was given to the socket",
		"the other results of the batch"},
	[KILL_LOGGER_LETTER_SENT] = {"logger.letter_sent", "a dead result is published and not confirmed",
		"the letter; it may be there twice"},
	[KILL_LOGGER_LETTER_CONFIRMED] = {"logger.letter_confirmed", "a dead result is confirmed, its delivery not acknowledged",
		"the letter; it may be there twice"},
};
/* clang-format on */

enum blow { BLOW_KILL, BLOW_HANG, BLOW_SEGV, BLOW_STOP, BLOWS };

static const char *const blow_names[BLOWS] = {"kill", "hang", "segv", "stop"};

/* Written by killpoint_arm() alone, before there are other threads. */
static struct {
	enum killpoint point; /* KILLPOINTS: none */
	enum blow blow;
	unsigned long nth;
	int64_t account_id; /* 0: of any account, and of none */
	pid_t process;
} armed = {.point = KILLPOINTS};

static atomic_ulong times_reached;

const struct killpoint_row *killpoint_row(enum killpoint point)
{
	return &rows[point];
}

_Noreturn static void refuse(const char *setting, const char *value)
{
	fprintf(stderr, "%s=%s is not name[:n[:kill|hang|segv|stop]] with one of these names:\n",
		setting, value);
	for (int i = 0; i < KILLPOINTS; i++)
		fprintf(stderr, "  %-24s %s\n", rows[i].name, rows[i].when);
	_exit(EXIT_USAGE);
}

static bool read_number(const char *text, const char **end, unsigned long *number)
{
	char *rest;

	errno = 0;
	*number = strtoul(text, &rest, 10);
	*end = rest;
	return errno == 0 && *text >= '1' && *text <= '9';
}

static bool read_point(const char *text)
{
	size_t length = strcspn(text, ":");

	for (int i = 0; i < KILLPOINTS; i++)
		if (strlen(rows[i].name) == length && strncmp(rows[i].name, text, length) == 0)
			armed.point = (enum killpoint)i;
	armed.nth = 1;
	text += length;
	if (*text == ':' && !read_number(text + 1, &text, &armed.nth))
		return false;
	if (*text == ':') {
		armed.blow = BLOWS;
		for (int i = 0; i < BLOWS; i++)
			if (strcmp(blow_names[i], text + 1) == 0)
				armed.blow = (enum blow)i;
		text += strlen(text);
	}
	return *text == '\0' && armed.point != KILLPOINTS && armed.blow != BLOWS;
}

/* The process that was started with the settings writes itself down; its children find it there. */
static bool is_child_of_the_armed(void)
{
	const char *first = getenv("STORESYNC_KILLPOINT_PROCESS");
	char here[24];

	snprintf(here, sizeof here, "%ld", (long)getpid());
	setenv("STORESYNC_KILLPOINT_PROCESS", here, 0);
	return first && strcmp(first, here) != 0;
}

void killpoint_arm(void)
{
	const char *point = getenv("STORESYNC_KILLPOINT");
	const char *account = getenv("STORESYNC_KILLPOINT_ACCOUNT");
	unsigned long id = 0;
	const char *end;

	if (!point || *point == '\0')
		return;
	if (!read_point(point))
		refuse("STORESYNC_KILLPOINT", point);
	if (account && (!read_number(account, &end, &id) || *end != '\0' || id > INT64_MAX))
		refuse("STORESYNC_KILLPOINT_ACCOUNT", account);
	armed.account_id = (int64_t)id;
	if (is_child_of_the_armed() && !id)
		armed.point = KILLPOINTS;
	armed.process = getpid();
}

static void strike(void)
{
	fprintf(stderr, "kill point %s: %s\n", rows[armed.point].name, blow_names[armed.blow]);
	switch (armed.blow) {
	case BLOW_KILL:
		kill(getpid(), SIGKILL);
		break;
	case BLOW_SEGV:
		raise(SIGSEGV);
		break;
	case BLOW_STOP:
		raise(SIGSTOP);
		return; /* somebody sent SIGCONT */
	case BLOW_HANG:
	case BLOWS:
		break;
	}
	for (;;)
		pause();
}

void killpoint(enum killpoint point, int64_t account_id)
{
	if (point != armed.point)
		return;
	if (armed.account_id ? account_id != armed.account_id : getpid() != armed.process)
		return;
	if (atomic_fetch_add(&times_reached, 1) + 1 == armed.nth)
		strike();
}

#endif
