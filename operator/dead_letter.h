/* SPDX-License-Identifier: MIT */
/*
 * A dead letter: a message in sync.jobs.dead, as far as the message itself tells, and what has
 * become of its job and account meanwhile (the fields of dead_status.c).
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_DEAD_LETTER_H
#define OPERATOR_DEAD_LETTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/broker.h"
#include "common/crypto.h"
#include "common/job_message.h"

/* What a retry would make of it; the words stand in dead_category.c. */
enum dead_category {
	DEAD_RETRIABLE,
	DEAD_HALF_RETRIED,      /* a retry was killed before the new job was published */
	DEAD_SUPERSEDED,        /* what it should have brought was brought by another job */
	DEAD_NEEDS_RECONNECT,   /* the account cannot be read until the merchant comes back */
	DEAD_DISABLED,          /* the account was switched off */
	DEAD_ACCOUNT_GONE,      /* there is no such account in that store */
	DEAD_ALREADY_RETRIED,   /* a new job repeats it; only the message is left */
	DEAD_ALREADY_DISCARDED, /* as above */
	DEAD_UNREADABLE,        /* the body is no job message of this version */
	DEAD_CATEGORIES
};

struct dead_category_rule {
	const char *name;    /* for --category and JSON */
	const char *meaning; /* "9 <meaning>" in a plan */
	const char *way_out; /* what a person does about it */
};

const struct dead_category_rule *dead_category_rule(enum dead_category category);
/* A retry makes a new job of it, or publishes the one that was made. */
bool dead_category_is_retried(enum dead_category category);
/* An earlier command decided about it; only the message is left, and a pass removes it. */
bool dead_category_is_leftover(enum dead_category category);
/* False: there is none of this name. */
bool dead_category_named(const char *name, enum dead_category *category);

struct dead_letter {
	/*
	 * Follows from message_id, the moment of death and the body: the same for the copies that
	 * a killed syncctl leaves beside their originals.
	 */
	char dead_id[UUID_TEXT_SIZE];
	char message_id[BROKER_MESSAGE_ID_MAX + 1]; /* valid UTF-8, as all texts here */
	bool readable;
	struct job_message job; /* zeroed unless readable; without original */
	char *error_class;      /* "delivery_limit" and the like: RabbitMQ's reason; "unknown" */
	char *error_text;
	char *fingerprint;
	char *worker;           /* "" when not told */
	int64_t attempt;        /* 0: not told */
	int64_t died_at_us;     /* 0: not told */
	bool is_stamped;        /* it has an x-died-at: equal dead_ids are copies of one death */
	int64_t delivery_count; /* how often it was handed out and came back */
	size_t copies;          /* messages with this dead_id that were met */

	enum dead_category category;
	bool of_earlier_day; /* its snapshot_date lies before today */
	char account_status[20];
	char account_reason[100];
	char job_state[12]; /* "" : the manifest does not have the job */
	char new_job_id[UUID_TEXT_SIZE];
	char new_job_state[12];

	/* What a command is about to do with it (dead_action.h). */
	bool chosen;   /* it passes the filters */
	bool in_round; /* this pass acts on it */
	bool sent;     /* the new job is published, but that is not confirmed yet */
	bool acted;    /* retried or discarded by this command */
};

/* Owns: the caller ends *letter with dead_letter_finish(). */
void dead_letter_read(const struct broker_delivery *delivery, struct dead_letter *letter);
void dead_letter_finish(struct dead_letter *letter);

/* The id of the job that repeats a dead one: always the same, so that there is one at most. */
void dead_new_job_id(const char *job_id, char new_job_id[UUID_TEXT_SIZE]);
/*
 * Append the message of the job that repeats the one of body (readable): attempt 1, origin_job_id,
 * no trace of a slice that had been reached; unknown members are passed on while there is room.
 */
void dead_write_new_job(const char *body, size_t length, const char *new_job_id, const char *run_id,
	struct text *out);

#endif
