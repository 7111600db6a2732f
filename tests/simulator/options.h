/* SPDX-License-Identifier: MIT */
/*
 * The command line of tiktok-sim. Main thread.
 */
#ifndef TESTS_SIMULATOR_OPTIONS_H
#define TESTS_SIMULATOR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"
#include "tests/simulator/simulator.h"

#define OPTIONS_FAULTS      16
#define OPTIONS_SECRET_SIZE 256

enum errand { ERRAND_SERVE, ERRAND_HELP, ERRAND_VERSION, ERRAND_PRINT_ACCOUNTS };

struct options {
	enum errand errand;
	const char *listen;
	char secret[OPTIONS_SECRET_SIZE]; /* the line of --client-secret-file */
	struct simulator_setup setup;
	const char *faults[OPTIONS_FAULTS]; /* JSON, as POST /admin/faults takes it */
	size_t fault_count;
	const char *journal; /* NULL: none is kept */
	uint32_t print_from;
	uint32_t print_count;
};

/* Strings are borrowed from argv. Fails: settings - the sentence names the argument. */
bool options_read(struct options *options, int argc, char **argv, struct error *err);
void options_print_help(FILE *out);

#endif
