/* SPDX-License-Identifier: MIT */
/*
 * AMQP_URL, taken apart: amqp://user:password@host:port/vhost?option=value as in RabbitMQ's URI
 * specification (rabbitmq.com/docs/uri-spec) and its query parameters
 * (rabbitmq.com/docs/uri-query-parameters).
 *
 *	no path          the vhost "/"
 *	"/" alone        the vhost with the empty name, as the specification has it
 *	"/%2F"           the vhost "/"
 *	no user          guest, guest
 *
 * Options, for amqps:// only: cacertfile (default: Debian's bundle), certfile and keyfile (our
 * certificate), auth_mechanism=external (the certificate is the login). Certificate and host name
 * are always verified.
 * Threads: any.
 */
#ifndef COMMON_BROKER_URL_H
#define COMMON_BROKER_URL_H

#include <stdbool.h>

#include "common/error.h"

struct broker_address {
	bool tls;
	char *host;
	int port;
	char *user;
	char *password;
	char *vhost;
	bool external; /* log in by certificate */
	char *ca_file; /* the rest is NULL without TLS */
	char *certificate_file;
	char *key_file;
};

/*
 * Owns:  the caller ends *address with broker_address_finish(), also after a failure.
 * Fails: settings - the text names the part that is wrong and never quotes user or password.
 */
bool broker_url_parse(const char *url, struct broker_address *address, struct error *err);
/* Frees everything, wiping the password. Zeroed: nothing to do. */
void broker_address_finish(struct broker_address *address);

#endif
