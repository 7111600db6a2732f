/* SPDX-License-Identifier: MIT */
/*
 * What can go wrong, by class. A function that can fail returns false and fills a struct error;
 * the class decides what happens to the job (the table in error.c is the one place that knows), the
 * text is a sentence for people.
 */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

#include <stdbool.h>
#include <stddef.h>

enum error_class {
	ERROR_NONE,
	ERROR_NETWORK,       /* TikTok did not answer: no connection, reset, deadline */
	ERROR_SERVER,        /* TikTok answered that it failed: 5xx, internal_error */
	ERROR_RATE_LIMITED,  /* TikTok answered 429: waiting for quota, not a failed attempt */
	ERROR_TOKEN_EXPIRED, /* the access token is refused although it was just refreshed */
	ERROR_TOKEN_REVOKED, /* the grant is gone: only the merchant can bring it back */
	ERROR_SCOPE,         /* the account did not grant what the call needs */
	ERROR_BAD_REQUEST,   /* TikTok refuses what we sent: our fault, or our app's settings */
	ERROR_APP_REFUSED, /* TikTok does not accept our client key and secret: nobody's job can help it */
	ERROR_BAD_REPLY,   /* TikTok's answer cannot be understood */
	ERROR_DATABASE,    /* PostgreSQL is away or asks to try again */
	ERROR_INTERNAL,    /* our fault, or data that PostgreSQL refuses */
	ERROR_BAD_MESSAGE, /* a message that breaks the contract */
	ERROR_CRASH,       /* the job ended or stalled its worker, again and again */
	ERROR_BROKER,      /* RabbitMQ is away; no job ends with it */
	ERROR_SETTINGS,    /* a setting, argument or the topology is wrong; no job ends with it */
	ERROR_STOPPING,    /* the program is going down; no job ends with it */
	ERROR_CLASSES
};

struct error {
	enum error_class class;
	char text[500];
};

/* What a failed attempt does to its job. */
enum error_remedy {
	REMEDY_NONE,  /* no job ends with this class */
	REMEDY_RETRY, /* back through the ladder, until the attempts are used up */
	REMEDY_WAIT,  /* back through the ladder; costs no attempt */
	REMEDY_DEAD,  /* to the dead letters at once */
};

/* Rungs of the retry ladder; their queues stand in topology.c. */
enum retry_rung { RUNG_10S, RUNG_1M, RUNG_5M, RUNG_30M, RUNGS };

/* Whose failure a failed call is. */
enum error_blame {
	BLAME_JOB,    /* its own */
	BLAME_DOUBT,  /* perhaps TikTok fails for everybody: an outage is no failed attempt */
	BLAME_APP,    /* our app's: an outage at once, until TikTok accepts it again */
	BLAME_NOBODY, /* not of a call to TikTok */
};

/* What a job that ends with the class does to its account. */
enum account_effect {
	EFFECT_NONE,
	EFFECT_RECONNECT, /* NEED_RECONNECT, unless the stored token has changed meanwhile */
	EFFECT_FAILURE, /* one failure more: ERROR after several in a row, until a person or a success ends that */
};

struct error_rule {
	const char *name; /* in messages, columns, headers and metrics */
	enum error_remedy remedy;
	int attempts;               /* at most, the first one included; REMEDY_RETRY only */
	enum retry_rung first_rung; /* of the first retry; each further one may climb a rung */
	enum error_blame blame;
	enum account_effect effect;
	bool may_have_acted; /* TikTok may have: a refresh may have rotated the token */
	const char *advice;  /* what a person does about it */
};

/* The rule of a class. Never NULL; static. */
const struct error_rule *error_rule(enum error_class class);
/* The class of a name, ERROR_NONE when there is none such. */
enum error_class error_class_named(const char *name);

/* Fill *err. Text beyond its size is cut. */
void error_set(struct error *err, enum error_class class, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Put words in front of what err says: "cannot save: <text>". */
void error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
