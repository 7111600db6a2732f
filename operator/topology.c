/* SPDX-License-Identifier: MIT */
/*
 * `syncctl topology apply` and `syncctl topology check`: the queues in RabbitMQ. One thread.
 */
#include <stdio.h>

#include "common/broker.h"
#include "common/broker_url.h"
#include "common/topology.h"
#include "common/topology_check.h"
#include "operator/command.h"

/* Print what differs and what to do about it. */
static void print_differences(const struct topology_report *report)
{
	struct text way_out = {0};

	if (report->difference_count == 0)
		return;
	topology_report_way_out(report, &way_out);
	printf("%s%s\n", text_string(&report->differences), text_string(&way_out));
	text_finish(&way_out);
}

static enum exit_code run_apply(struct command_context *context, int argc, char **argv)
{
	struct topology_report report = {0};
	struct error err = {0};
	enum exit_code result = EXIT_FAILED;
	bool ok;

	if (argc > 1)
		return command_misused(context, "takes no arguments");
	ok = broker_apply_topology(context->config.amqp_url, &report, &err);
	printf("%s", text_string(&report.actions));
	print_differences(&report);
	if (!ok)
		fprintf(stderr, "syncctl topology apply: %s\n", err.text);
	else if (report.difference_count == 0)
		result = EXIT_DONE;
	topology_report_finish(&report);
	return result;
}

/* The management API sees everything; AMQP alone sees what a program sees. */
static bool check(const struct config *config, struct topology_report *report, struct error *err)
{
	struct broker_address address;
	bool ok;

	if (!config->amqp_management_url) {
		ok = broker_check_topology(config->amqp_url, report, err);
		text_append(&report->not_checked,
			"bindings and policies, and more than one argument of each queue: set "
			"AMQP_MANAGEMENT_URL\n");
		return ok;
	}
	ok = broker_url_parse(config->amqp_url, &address, err) &&
	     topology_check_management(config->amqp_management_url, address.vhost, report, err);
	broker_address_finish(&address);
	return ok;
}

static enum exit_code run_check(struct command_context *context, int argc, char **argv)
{
	struct topology_report report = {0};
	struct error err = {0};
	enum exit_code result = EXIT_FAILED;

	if (argc > 1)
		return command_misused(context, "takes no arguments");
	if (!check(&context->config, &report, &err)) {
		fprintf(stderr, "syncctl topology check: %s\n", err.text);
	} else {
		result = report.difference_count == 0 ? EXIT_DONE : EXIT_WANTING;
		print_differences(&report);
		if (report.difference_count == 0)
			printf("the topology is as it should be: exchange %s, %d queues\n",
				TOPOLOGY_EXCHANGE, QUEUES);
		if (report.not_checked.length > 0)
			printf("not checked:\n%s", text_string(&report.not_checked));
	}
	topology_report_finish(&report);
	return result;
}

const struct command command_topology_apply = {
	.name = "topology apply",
	.arguments = "",
	.summary = "declare the exchange, the queues and their bindings in RabbitMQ",
	.help = "Creates what is missing in the vhost of AMQP_URL and says for each queue whether it was\n"
		"created or already there. Safe to repeat. RabbitMQ does not change a queue that exists:\n"
		"one that differs is named, left as it is, and the command exits with 1. Needs configure,\n"
		"read and write permission on sync and sync.*.\n",
	.needs = NEEDS_BROKER,
	.run = run_apply,
};

const struct command command_topology_check = {
	.name = "topology check",
	.arguments = "",
	.summary = "compare RabbitMQ's exchange, queues, bindings and policies with what we need",
	.help = "Names each difference, and exits with 3 if there is one. With AMQP_MANAGEMENT_URL set it\n"
		"sees everything (policies need a user who may list them); without, it sees what AMQP shows:\n"
		"missing queues and the first wrong argument of each, no bindings and no policies.\n",
	.needs = NEEDS_BROKER,
	.run = run_check,
};
