/* SPDX-License-Identifier: MIT */
/*
 * Reading a dead letter, and writing the job that repeats it. One thread.
 */
#include "operator/dead_letter.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/memory.h"
#include "common/utf8.h"
#include "operator/dead_fingerprint.h"

#define DEATH_SIZE             400
#define ERROR_CLASS_CHARACTERS 50

/* A header's text, cleaned; NULL: there is none. Owns: the caller frees. */
static char *header_text(const struct broker_properties *properties, const char *name)
{
	struct text raw = {0}, clean = {0};

	if (!broker_properties_text(properties, name, &raw))
		return NULL;
	utf8_append_clean(text_string(&raw), raw.length, &clean);
	text_finish(&raw);
	return clean.data ? clean.data : memory_copy_text("");
}

/* RabbitMQ gave the message up, or somebody put it here: there is no error of ours to tell. */
static void read_death(const struct broker_delivery *delivery, struct dead_letter *letter)
{
	struct broker_death death;
	struct text raw = {0}, words = {0};

	if (!broker_properties_death(delivery->properties, &death)) {
		letter->error_class = memory_copy_text("unknown");
		letter->error_text = memory_copy_text("the message does not say why it died");
		return;
	}
	text_append_format(&raw, "RabbitMQ moved it here from %s", death.queue);
	if (strcmp(death.reason, "delivery_limit") == 0)
		text_append(&raw, ": every delivery ended with its worker's connection");
	utf8_append_clean(raw.data, raw.length, &words);
	letter->error_text = words.data;
	text_clear(&raw);
	utf8_append_clean(death.reason, strlen(death.reason), &raw);
	letter->error_class = raw.data ? raw.data : memory_copy_text("unknown");
	if (death.time_s > 0 && death.time_s < INT64_MAX / 1000000)
		letter->died_at_us = death.time_s * 1000000;
}

/* What tells deaths of one message apart: our stamp, else RabbitMQ's. */
static void describe_death(
	const struct broker_delivery *delivery, const char *died_at, char text[DEATH_SIZE])
{
	struct broker_death death;

	if (died_at)
		snprintf(text, DEATH_SIZE, "at %s", died_at);
	else if (broker_properties_death(delivery->properties, &death))
		snprintf(text, DEATH_SIZE, "%s %s %" PRId64, death.reason, death.queue,
			death.time_s);
	else
		snprintf(text, DEATH_SIZE, "unknown");
}

static void make_dead_id(
	const struct broker_delivery *delivery, const char *died_at, struct dead_letter *letter)
{
	unsigned char hash[CRYPTO_HASH_SIZE];
	char hash_text[2 * CRYPTO_HASH_SIZE + 1];
	char death[DEATH_SIZE];
	struct text name = {0};

	crypto_sha256(delivery->body, delivery->length, hash);
	crypto_hex(hash, sizeof hash, hash_text);
	describe_death(delivery, died_at, death);
	text_append_format(&name, "storesync dead letter %s, died %s, %s", delivery->message_id,
		death, hash_text);
	uuid_from_name(name.data, letter->dead_id);
	text_finish(&name);
}

static void read_job(const struct broker_delivery *delivery, struct dead_letter *letter)
{
	struct error err;

	letter->readable = job_message_read(delivery->body, delivery->length, &letter->job, &err);
	if (!letter->readable)
		return;
	job_message_finish(&letter->job); /* the body stays with the message */
	letter->attempt = letter->job.attempt;
}

static void read_message_id(const struct broker_delivery *delivery, struct dead_letter *letter)
{
	struct text clean = {0};

	utf8_append_clean(delivery->message_id, strlen(delivery->message_id), &clean);
	assert(clean.length < sizeof letter->message_id);
	memcpy(letter->message_id, text_string(&clean), clean.length + 1);
	text_finish(&clean);
}

void dead_letter_read(const struct broker_delivery *delivery, struct dead_letter *letter)
{
	const struct broker_properties *properties = delivery->properties;
	char *died_at = header_text(properties, "x-died-at");
	struct text fingerprint = {0};

	*letter = (struct dead_letter){
		.delivery_count = delivery->delivery_count,
		.is_stamped = died_at != NULL,
		.copies = 1,
	};
	read_message_id(delivery, letter);
	make_dead_id(delivery, died_at, letter);
	read_job(delivery, letter);
	letter->error_class = header_text(properties, "x-error-class");
	if (letter->error_class) {
		letter->error_class[utf8_prefix(letter->error_class, ERROR_CLASS_CHARACTERS)] =
			'\0';
		letter->error_text = header_text(properties, "x-error-text");
		if (!letter->error_text)
			letter->error_text = memory_copy_text("");
	} else {
		read_death(delivery, letter);
	}
	letter->worker = header_text(properties, "x-worker");
	if (!letter->worker)
		letter->worker = memory_copy_text("");
	broker_properties_number(properties, "x-attempt", &letter->attempt);
	if (died_at)
		clock_parse(died_at, &letter->died_at_us);
	dead_fingerprint(letter->error_text, &fingerprint);
	letter->fingerprint = memory_copy_text(text_string(&fingerprint));
	text_finish(&fingerprint);
	free(died_at);
}

void dead_letter_finish(struct dead_letter *letter)
{
	free(letter->error_class);
	free(letter->error_text);
	free(letter->fingerprint);
	free(letter->worker);
	*letter = (struct dead_letter){0};
}

/* ---- The job that repeats it ---- */

void dead_new_job_id(const char *job_id, char new_job_id[UUID_TEXT_SIZE])
{
	char name[80];

	snprintf(name, sizeof name, "storesync retry of job %.36s", job_id);
	uuid_from_name(name, new_job_id);
}

/* What a big account's job had reached: the new one begins at the beginning. */
static void forget_slices(struct json *document)
{
	static const char *const members[] = {"slice", "cursor", "videos", "profile", "api_calls"};

	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		json_remove(document, members[i]);
}

static void write_with_origin(
	const struct job_message *message, const char *origin_job_id, struct text *out)
{
	struct text plain = {0};
	struct json *document = NULL;
	struct error err;
	bool ok;

	job_message_write(message, &plain);
	ok = json_parse(plain.data, plain.length, &document, &err);
	assert(ok); /* we wrote it */
	forget_slices(document);
	json_set_string(document, "origin_job_id", origin_job_id);
	json_write(document, out);
	json_destroy(document);
	text_finish(&plain);
}

void dead_write_new_job(const char *body, size_t length, const char *new_job_id, const char *run_id,
	struct text *out)
{
	struct job_message message;
	char origin_job_id[UUID_TEXT_SIZE];
	size_t before = out->length;
	struct error err;
	bool ok = job_message_read(body, length, &message, &err);

	assert(ok); /* it is readable */
	memcpy(origin_job_id, message.job_id, sizeof origin_job_id);
	memcpy(message.job_id, new_job_id, sizeof message.job_id);
	memcpy(message.run_id, run_id, sizeof message.run_id);
	message.attempt = 1;
	message.enqueued_at_us = clock_unix_us();
	write_with_origin(&message, origin_job_id, out);
	if (out->length - before > JOB_MESSAGE_MAX) { /* without what we do not know */
		job_message_finish(&message);
		out->length = before;
		out->data[before] = '\0';
		write_with_origin(&message, origin_job_id, out);
	}
	job_message_finish(&message);
}
