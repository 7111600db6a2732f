/* SPDX-License-Identifier: MIT */
/*
 * One partition: who is parted from whom, how, for how long. Each cell has a fleet of its own and
 * runs in a process of its own.
 */
#ifndef TESTS_FAULTS_PARTITION_CELL_H
#define TESTS_FAULTS_PARTITION_CELL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/faults/partition/link.h"

enum cell_shape {
	SHAPE_WORKER_BROKER,
	SHAPE_WORKER_DATABASE,
	SHAPE_LOGGER_BROKER,
	SHAPE_ALL_BROKER, /* workers, logger and a producer that starts in the middle of it */
	SHAPES
};

struct cell {
	enum cell_shape shape;
	enum link_harm harm;
	int seconds;
	enum link_means means;
	uint64_t seed; /* of every chance of this cell */
};

#define CELL_NAME_SIZE 64

/* "worker-broker.drop.10" */
void cell_name(const struct cell *cell, char name[CELL_NAME_SIZE]);

/*
 * Run the cell, in the calling process, whose only business it is. One line of name=value, parted by
 * blanks, ended by result=ok or result=failed, is written to report. Returns how many checks failed;
 * what they were, and what the programs printed, goes to standard error.
 */
int cell_run(const struct cell *cell, FILE *report);

#endif
