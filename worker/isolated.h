/* SPDX-License-Identifier: MIT */
/*
 * The process that carries out, one at a time, the jobs that crash their worker: storesync-worker
 * --isolated, started by isolation.c, whose words it shares.
 *
 *     parent, standard input     "job EXPRESS LENGTH\n" and the message, LENGTH bytes
 *     child, standard output     "ready\n"      it can take a job
 *                                "at STEP\n"    the job has come to a step of its story
 *                                "alive\n"      every second, as long as every thread turns
 *                                "done\n"       the job has ended and told its end
 *                                "back\n"       it goes back to the queue undone
 *
 * At the end of its input, or on SIGTERM, it gives back what it has, and ends.
 */
#ifndef WORKER_ISOLATED_H
#define WORKER_ISOLATED_H

#include "worker/line.h"

#define ISOLATED_OPTION "--isolated"

/* Make the line end its jobs here; before its stages start. */
void isolated_prepare(struct line *line);
/* Serve until the input ends or the process is asked to stop. Threads: main. */
void isolated_serve(struct line *line);

#endif
