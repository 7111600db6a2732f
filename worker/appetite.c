/* SPDX-License-Identifier: MIT */
/*
 * The appetite of one worker. Run by the intake's thread.
 */
#include "worker/appetite.h"

#define CUSHION_S  2.0
#define MEMORY_S   10.0 /* a figure counts for a third after so long */
#define KNOWN_S    4.0  /* before, the means know too little */
#define SPARE_JOBS 4
/* Every change is a new consumer: small ones are not worth it. */
#define MUCH_MORE(jobs, than) ((jobs)*2 > (than)*3)

static int64_t bounded(int64_t jobs, int64_t least, int64_t most)
{
	return jobs < least ? least : jobs > most ? most : jobs;
}

void appetite_init(struct appetite *appetite, int64_t most, int64_t calls_per_minute)
{
	int64_t least = most < APPETITE_FIRST ? most : APPETITE_FIRST;

	*appetite = (struct appetite){.most = most, .jobs = most};
	if (calls_per_minute) /* a second's worth */
		appetite->jobs = bounded(calls_per_minute / 60, least, most);
}

static void learn(double *mean, double figure, double weight)
{
	*mean += (figure - *mean) * weight;
}

static void learn_all(struct appetite *appetite, const struct appetite_look *look)
{
	double memory_s = appetite->known_s < MEMORY_S ? appetite->known_s : MEMORY_S;
	double weight = look->passed_s / (memory_s + look->passed_s);

	appetite->known_s += look->passed_s;
	learn(&appetite->working, (double)(look->at_hand - look->waiting), weight);
	learn(&appetite->waiting, (double)look->waiting, weight);
	learn(&appetite->rate, (double)look->ended / look->passed_s, weight);
	for (int i = 0; i < ENDPOINTS; i++)
		learn(&appetite->calls[i], (double)look->calls[i] / look->passed_s, weight);
}

bool appetite_look(struct appetite *appetite, const struct appetite_look *look)
{
	int64_t before = appetite->jobs, least, wanted;

	learn_all(appetite, look);
	least = appetite->most < APPETITE_LEAST ? appetite->most : APPETITE_LEAST;
	wanted = (int64_t)(appetite->working + appetite->rate * CUSHION_S) + SPARE_JOBS;
	if (look->waiting == 0 && appetite->waiting < 0.5 && look->at_hand >= before)
		appetite->jobs = bounded(before * 2, least, appetite->most);
	else if (appetite->known_s >= KNOWN_S && appetite->waiting >= 1 &&
		 MUCH_MORE(before, bounded(wanted, least, appetite->most)))
		appetite->jobs = bounded(wanted, least, appetite->most);
	return appetite->jobs != before;
}

/* Jobs a second that the quota lets the whole fleet end; 0: it does not matter. */
static double fed_rate(const struct appetite *appetite, const struct appetite_look *look)
{
	double least = 0;

	for (int i = 0; i < ENDPOINTS; i++) {
		double calls_a_job = appetite->rate > 0 ? appetite->calls[i] / appetite->rate : 0;
		double rate;

		if (!look->per_minute[i] || calls_a_job <= 0)
			continue;
		rate = (double)look->per_minute[i] / 60 / calls_a_job;
		if (least <= 0 || rate < least)
			least = rate;
	}
	return least;
}

int64_t appetite_useful_workers(
	const struct appetite *appetite, const struct appetite_look *look, int64_t places)
{
	int64_t by_backlog = (look->ready + look->at_hand + places - 1) / places;
	double fed = fed_rate(appetite, look);
	double job_s = appetite->rate > 0 ? appetite->working / appetite->rate : 0;
	int64_t by_quota = (int64_t)(fed * job_s / (double)places) + 1;

	return fed > 0 && job_s > 0 && by_quota < by_backlog ? by_quota : by_backlog;
}
