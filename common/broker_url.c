/* SPDX-License-Identifier: MIT */
/*
 * The parser of AMQP_URL. Any thread. rabbitmq-c's own parser knows no query parameters and refuses
 * escapes above %7F.
 */
#include "common/broker_url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "common/memory.h"

#define DEFAULT_CA_FILE  "/etc/ssl/certs/ca-certificates.crt"
#define PORT_MAX         65535
#define DEFAULT_PORT     5672
#define DEFAULT_TLS_PORT 5671

/*
 * The percent-decoded text between begin and end. NULL: a broken escape, or a NUL byte. Owns: the
 * caller frees.
 */
static char *decode(const char *begin, const char *end)
{
	char *decoded = memory_allocate((size_t)(end - begin) + 1, 1);
	char *to = decoded;

	for (const char *from = begin; from < end; from++) {
		int byte = (unsigned char)*from;

		if (*from == '%') {
			int high = end - from > 2 ? crypto_hex_digit(from[1]) : -1;
			int low = high >= 0 ? crypto_hex_digit(from[2]) : -1;

			byte = low >= 0 ? high * 16 + low : 0;
			from += 2;
		}
		if (byte == 0) {
			memory_free_secret(decoded);
			return NULL;
		}
		*to++ = (char)byte;
	}
	return decoded;
}

/* As decode(), with an error that names the part and does not quote it. */
static bool decode_part(
	const char *part, const char *begin, const char *end, char **decoded, struct error *err)
{
	char *text = decode(begin, end);

	if (!text) {
		error_set(err, ERROR_SETTINGS,
			"the %s of the AMQP URL has a broken percent-escape (a %% itself is "
			"written %%25)",
			part);
		return false;
	}
	memory_free_secret(*decoded);
	*decoded = text;
	return true;
}

static const char *find_last(const char *begin, const char *end, char c)
{
	while (end > begin)
		if (*--end == c)
			return end;
	return NULL;
}

static bool parse_scheme(
	const char **at, const char *url, struct broker_address *address, struct error *err)
{
	if (strncasecmp(url, "amqps://", 8) == 0) {
		address->tls = true;
		*at = url + 8;
		return true;
	}
	if (strncasecmp(url, "amqp://", 7) == 0) {
		*at = url + 7;
		return true;
	}
	error_set(err, ERROR_SETTINGS, "the AMQP URL must begin with amqp:// or amqps://");
	return false;
}

static bool parse_user(
	const char *begin, const char *end, struct broker_address *address, struct error *err)
{
	const char *colon = memchr(begin, ':', (size_t)(end - begin));

	if (!decode_part("user", begin, colon ? colon : end, &address->user, err))
		return false;
	if (!colon) {
		memory_free_secret(address->password);
		address->password = memory_copy_text("");
		return true;
	}
	return decode_part("password", colon + 1, end, &address->password, err);
}

static bool parse_port(
	const char *begin, const char *end, struct broker_address *address, struct error *err)
{
	int port = 0;

	for (const char *digit = begin; digit < end; digit++) {
		if (!isdigit((unsigned char)*digit) || port > PORT_MAX) {
			port = 0;
			break;
		}
		port = port * 10 + (*digit - '0');
	}
	if (port < 1 || port > PORT_MAX) {
		error_set(err, ERROR_SETTINGS,
			"the port of the AMQP URL is no number from 1 to 65535 (in a password, "
			"write : / ? @ as %%3A %%2F %%3F %%40)");
		return false;
	}
	address->port = port;
	return true;
}

/* host, host:port, [address] or [address]:port of IPv6. */
static bool parse_host(
	const char *begin, const char *end, struct broker_address *address, struct error *err)
{
	const char *host_end;
	const char *colon;

	if (begin < end && *begin == '[') {
		host_end = memchr(begin, ']', (size_t)(end - begin));
		if (!host_end || (host_end + 1 < end && host_end[1] != ':')) {
			error_set(err, ERROR_SETTINGS,
				"the AMQP URL's IPv6 address must stand in [ ]");
			return false;
		}
		begin++;
		colon = host_end + 1 < end ? host_end + 1 : NULL;
	} else {
		colon = memchr(begin, ':', (size_t)(end - begin));
		host_end = colon ? colon : end;
	}
	if (!decode_part("host", begin, host_end, &address->host, err))
		return false;
	if (!*address->host) {
		error_set(err, ERROR_SETTINGS, "the AMQP URL names no host");
		return false;
	}
	return !colon || parse_port(colon + 1, end, address, err);
}

static bool parse_vhost(
	const char *begin, const char *end, struct broker_address *address, struct error *err)
{
	if (memchr(begin, '/', (size_t)(end - begin))) {
		error_set(err, ERROR_SETTINGS,
			"the vhost of the AMQP URL must be one path segment: write / as %%2F");
		return false;
	}
	return decode_part("vhost", begin, end, &address->vhost, err);
}

static bool parse_option(
	const char *begin, const char *end, struct broker_address *address, struct error *err)
{
	const char *equals = memchr(begin, '=', (size_t)(end - begin));
	char *name = NULL, *value = NULL;
	bool ok = false;

	if (!equals)
		equals = end;
	if (!decode_part("query", begin, equals, &name, err) ||
		!decode_part("query", equals < end ? equals + 1 : end, end, &value, err))
		goto out;
	if (!address->tls) {
		error_set(err, ERROR_SETTINGS,
			"the AMQP URL's options are for amqps:// only, and it begins with amqp://");
		goto out;
	}
	ok = true;
	if (strcmp(name, "cacertfile") == 0) {
		free(address->ca_file);
		address->ca_file = memory_copy_text(value);
	} else if (strcmp(name, "certfile") == 0) {
		free(address->certificate_file);
		address->certificate_file = memory_copy_text(value);
	} else if (strcmp(name, "keyfile") == 0) {
		free(address->key_file);
		address->key_file = memory_copy_text(value);
	} else if (strcmp(name, "auth_mechanism") == 0 && strcmp(value, "external") == 0) {
		address->external = true;
	} else if (strcmp(name, "verify") == 0 && strcmp(value, "verify_none") == 0) {
		error_set(err, ERROR_SETTINGS,
			"the AMQP URL asks for verify_none; certificates are always verified: name "
			"the authority with cacertfile");
		ok = false;
	} else if (strcmp(name, "verify") != 0 && strcmp(name, "auth_mechanism") != 0) {
		error_set(err, ERROR_SETTINGS,
			"the AMQP URL has an option we do not know; there are cacertfile, "
			"certfile, keyfile and auth_mechanism=external");
		ok = false;
	}
out:
	free(name);
	memory_free_secret(value);
	return ok;
}

static bool parse_options(
	const char *begin, const char *end, struct broker_address *address, struct error *err)
{
	while (begin < end) {
		const char *ampersand = memchr(begin, '&', (size_t)(end - begin));
		const char *option_end = ampersand ? ampersand : end;

		if (option_end > begin && !parse_option(begin, option_end, address, err))
			return false;
		begin = ampersand ? ampersand + 1 : end;
	}
	if (!address->certificate_file != !address->key_file ||
		(address->external && !address->certificate_file)) {
		error_set(err, ERROR_SETTINGS,
			"the AMQP URL needs both certfile and keyfile to show a certificate");
		return false;
	}
	return true;
}

bool broker_url_parse(const char *url, struct broker_address *address, struct error *err)
{
	const char *at, *authority_end, *path_end, *url_end, *user_end;

	*address = (struct broker_address){0};
	if (!parse_scheme(&at, url, address, err))
		return false;
	address->port = address->tls ? DEFAULT_TLS_PORT : DEFAULT_PORT;
	address->user = memory_copy_text("guest");
	address->password = memory_copy_text("guest");
	address->vhost = memory_copy_text("/");
	if (address->tls)
		address->ca_file = memory_copy_text(DEFAULT_CA_FILE);

	authority_end = at + strcspn(at, "/?#");
	path_end = authority_end + strcspn(authority_end, "?#");
	url_end = path_end + strcspn(path_end, "#");
	user_end = find_last(at, authority_end, '@');
	if (user_end) {
		if (!parse_user(at, user_end, address, err))
			return false;
		at = user_end + 1;
	}
	if (!parse_host(at, authority_end, address, err))
		return false;
	if (*authority_end == '/' && !parse_vhost(authority_end + 1, path_end, address, err))
		return false;
	return parse_options(*path_end == '?' ? path_end + 1 : path_end, url_end, address, err);
}

void broker_address_finish(struct broker_address *address)
{
	free(address->host);
	free(address->user);
	memory_free_secret(address->password);
	free(address->vhost);
	free(address->ca_file);
	free(address->certificate_file);
	free(address->key_file);
	*address = (struct broker_address){0};
}
