/* SPDX-License-Identifier: MIT */
/*
 * A client of RabbitMQ's own, as some other program may be one: sends whatever bytes, properties
 * and header tables it is told, and fetches what a queue holds. It writes its frames itself, so that
 * neither its stack nor rabbitmq-c's taste limits what can be sent. Besides common/broker the only
 * user of rabbitmq-c. Threads: the test thread.
 */
#ifndef TESTS_SUPPORT_COURIER_H
#define TESTS_SUPPORT_COURIER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/text.h"

/* The largest frame that RabbitMQ agrees to; a message's properties must fit into one. */
#define COURIER_FRAME_MAX 131072

struct courier;

struct courier_message {
	const char *key; /* of the exchange "sync" */
	const char *body;
	size_t length;
	const char *message_id;   /* NULL: none; at most 255 bytes */
	const char *content_type; /* NULL: none */
	const char *headers; /* the inside of a field table (AMQP 0-9-1, 4.2.5.5); NULL: none */
	size_t headers_length;
};

/* What lies in a queue of dead letters. */
struct courier_letter {
	char message_id[256];
	char error_class
		[64]; /* headers x-error-class and x-error-text; "" when they are not there */
	char error_text[1024];
	struct text body;
};

/* Fails the test when it cannot connect, as everything here does when RabbitMQ refuses something. */
struct courier *courier_create(const char *amqp_url);
void courier_destroy(struct courier *courier); /* NULL: nothing to do */

/* Send; waits when many are unconfirmed. A message that no queue takes fails the test. */
void courier_send(struct courier *courier, const struct courier_message *message);
/* Wait until everything that was sent is confirmed. */
void courier_wait(struct courier *courier);

/* How many messages of a queue are ready to be delivered, now. */
int courier_count(struct courier *courier, const char *queue);
/* Take a message from a queue, for good. False: there is none. Reuse *letter; at last courier_letter_finish(). */
bool courier_fetch(struct courier *courier, const char *queue, struct courier_letter *letter);
/* The N of a message_id "<stem>-N"; -1: it is none. */
int courier_letter_number(const struct courier_letter *letter, const char *stem);
void courier_letter_finish(struct courier_letter *letter);

/* Append the inside of a field table that holds depth tables (or arrays), each inside the last. */
void courier_nest_tables(size_t depth, struct text *headers);
void courier_nest_arrays(size_t depth, struct text *headers);
/* The deepest that fit into one frame beside the other properties. */
size_t courier_deepest_tables(void);
size_t courier_deepest_arrays(void);

#endif
