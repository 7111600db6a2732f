/* SPDX-License-Identifier: MIT */
/*
 * Tests of the parser of AMQP_URL, after the examples of RabbitMQ's URI specification.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/broker_url.h"

struct example {
	const char *url;
	const char *host, *user, *password, *vhost;
	int port;
};

static void parts_are_what_the_specification_says(void **state)
{
	static const struct example examples[] = {
		{"amqp://user:pass@host:10000/vhost", "host", "user", "pass", "vhost", 10000},
		{"amqp://user%61:%61pass@ho%61st:10000/v%2fhost", "hoast", "usera", "apass",
			"v/host", 10000},
		{"amqp://host", "host", "guest", "guest", "/", 5672},
		{"amqp://host:5673", "host", "guest", "guest", "/", 5673},
		{"amqp://host/", "host", "guest", "guest", "", 5672},
		{"amqp://host/%2F", "host", "guest", "guest", "/", 5672},
		{"amqp://user@host/vhost", "host", "user", "", "vhost", 5672},
		{"amqp://user:@host", "host", "user", "", "/", 5672},
		{"AMQP://host", "host", "guest", "guest", "/", 5672},
		{"amqp://[::1]", "::1", "guest", "guest", "/", 5672},
		{"amqp://[::1]:5673/v", "::1", "guest", "guest", "v", 5673},
		{"amqp://u:p%40%3A%2F%3F%25@host", "host", "u", "p@:/?%", "/", 5672},
		{"amqp://u:p@ss@host", "host", "u", "p@ss", "/", 5672},
		{"amqp://u:p%C3%A9@host", "host", "u", "p\xc3\xa9", "/", 5672},
		{"amqp://host/v#fragment", "host", "guest", "guest", "v", 5672},
	};

	for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
		struct broker_address address;
		struct error err = {0};

		if (!broker_url_parse(examples[i].url, &address, &err))
			fail_msg("%s: %s", examples[i].url, err.text);
		assert_string_equal(address.host, examples[i].host);
		assert_string_equal(address.user, examples[i].user);
		assert_string_equal(address.password, examples[i].password);
		assert_string_equal(address.vhost, examples[i].vhost);
		assert_int_equal(address.port, examples[i].port);
		assert_false(address.tls);
		broker_address_finish(&address);
	}
}

static void tls_has_its_port_and_debians_authorities(void **state)
{
	struct broker_address address;
	struct error err = {0};

	assert_true(broker_url_parse("amqps://host", &address, &err));

	assert_true(address.tls);
	assert_int_equal(address.port, 5671);
	assert_string_equal(address.ca_file, "/etc/ssl/certs/ca-certificates.crt");
	assert_null(address.certificate_file);
	assert_false(address.external);
	broker_address_finish(&address);
}

static void tls_options_name_files_and_the_login_by_certificate(void **state)
{
	struct broker_address address;
	struct error err = {0};

	assert_true(broker_url_parse("amqps://host/v?cacertfile=/a%20b/ca.pem&certfile=/c.pem&"
				     "keyfile=/k.pem&verify=verify_peer&auth_mechanism=external",
		&address, &err));

	assert_string_equal(address.vhost, "v");
	assert_string_equal(address.ca_file, "/a b/ca.pem");
	assert_string_equal(address.certificate_file, "/c.pem");
	assert_string_equal(address.key_file, "/k.pem");
	assert_true(address.external);
	broker_address_finish(&address);
}

static void faults_are_named_and_no_secret_is_quoted(void **state)
{
	static const struct {
		const char *url, *named;
	} faults[] = {
		{"", "amqp://"},
		{"http://user:sesame@host", "amqp://"},
		{"sesame", "amqp://"},
		{"amqp://", "host"},
		{"amqp://user:sesame@", "host"},
		{"amqp://user:sesame@:5672", "host"},
		{"amqp://user:sesame@host:", "port"},
		{"amqp://user:sesame@host:0", "port"},
		{"amqp://user:sesame@host:65536", "port"},
		{"amqp://user:sesame@host:99999999999999999999", "port"},
		{"amqp://user:sesame@host:5672x", "port"},
		{"amqp://user:sesame/x@host", "port"},
		{"amqp://user:sesame%@host", "password"},
		{"amqp://user:sesame%4@host", "password"},
		{"amqp://user:sesame%zz@host", "password"},
		{"amqp://user:sesame%00@host", "password"},
		{"amqp://us%er:sesame@host", "user"},
		{"amqp://user:sesame@host/a/b", "vhost"},
		{"amqp://user:sesame@host/%", "vhost"},
		{"amqp://user:sesame@[::1", "IPv6"},
		{"amqp://user:sesame@[::1]x", "IPv6"},
		{"amqp://user:sesame@host?cacertfile=/sesame", "amqps://"},
		{"amqps://user:sesame@host?verify=verify_none", "verify_none"},
		{"amqps://user:sesame@host?sesame=1", "option"},
		{"amqps://user:sesame@host?certfile=/c.pem", "keyfile"},
		{"amqps://user:sesame@host?auth_mechanism=external", "certfile"},
	};

	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		struct broker_address address;
		struct error err = {0};

		if (broker_url_parse(faults[i].url, &address, &err))
			fail_msg("%s was accepted", faults[i].url);
		assert_int_equal(err.class, ERROR_SETTINGS);
		if (!strstr(err.text, faults[i].named))
			fail_msg("%s: %s", faults[i].url, err.text);
		assert_null(strstr(err.text, "sesame"));
		broker_address_finish(&address);
	}
}

static void a_zeroed_address_may_be_finished(void **state)
{
	struct broker_address address = {0};

	broker_address_finish(&address);

	assert_null(address.password);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_what_the_specification_says),
		cmocka_unit_test(tls_has_its_port_and_debians_authorities),
		cmocka_unit_test(tls_options_name_files_and_the_login_by_certificate),
		cmocka_unit_test(faults_are_named_and_no_secret_is_quoted),
		cmocka_unit_test(a_zeroed_address_may_be_finished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
