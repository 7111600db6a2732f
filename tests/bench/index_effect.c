/* SPDX-License-Identifier: MIT */
/*
 * What the index that migration 0007 drops would cost: the same video rows are saved, as a worker
 * saves them, into the migrated table and into one that has the index, in turns. Reports the CPU
 * time of the PostgreSQL backend and the bytes of WAL per job, and the median over the pairs of
 * their ratios. Runs on the private servers (STORESYNC_TEST_ENV), which nobody else uses meanwhile.
 *
 *     bench_index_effect [PAIRS [JOBS [JOBS_PER_BATCH]]]      default: 5 1000 16
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/db.h"
#include "tests/support/database.h"

#define VIDEOS_PER_JOB 60
#define COLUMNS        12
#define PAIRS_MAX      100
#define NOON_US        INT64_C(1700049600000000)

static const enum db_type types[COLUMNS] = {DB_TEXT, DB_TEXT, DB_DATE, DB_TEXT, DB_TEXT, DB_TEXT,
	DB_TIMESTAMPTZ, DB_INT8, DB_INT8, DB_INT4, DB_INT4, DB_TIMESTAMPTZ};

struct cost {
	double cpu_ms;
	double wal_bytes;
};

static void append_job(struct db_array columns[COLUMNS], int job)
{
	char text[200];

	for (int video = 0; video < VIDEOS_PER_JOB; video++) {
		/* Ids as TikTok's: 19 digits, newer ones greater. */
		int64_t id = INT64_C(7000000000000000000) + video * INT64_C(100000000000000) +
			     job * INT64_C(7919);

		snprintf(text, sizeof text, "store-%d", job);
		db_array_text(&columns[0], text);
		snprintf(text, sizeof text, "%" PRId64, id);
		db_array_text(&columns[1], text);
		db_array_day(&columns[2], "2023-11-15");
		db_array_text(&columns[3],
			"A description of the length that people write under videos #tag");
		snprintf(text, sizeof text,
			"https://p16.tiktokcdn.test/obj/%" PRId64 ".jpeg?x-expires=1", id);
		db_array_text(&columns[4], text);
		snprintf(text, sizeof text, "https://www.tiktok.test/@shop%d/video/%" PRId64, job,
			id);
		db_array_text(&columns[5], text);
		db_array_integer(&columns[6], NOON_US - video * INT64_C(86400000000));
		db_array_integer(&columns[7], video * 1000 + job);
		db_array_integer(&columns[8], video * 100 + job);
		db_array_integer(&columns[9], video);
		db_array_integer(&columns[10], video);
		db_array_integer(&columns[11], NOON_US);
	}
}

static void save_batch(struct db *db, int first_job, int end_job)
{
	struct db_array columns[COLUMNS];
	struct db_params params = {0};
	struct error err;

	for (int i = 0; i < COLUMNS; i++) {
		db_array_init(&columns[i], types[i]);
		db_param_array(&params, &columns[i]);
	}
	for (int job = first_job; job < end_job; job++)
		append_job(columns, job);
	if (!db_query(db, STATEMENT_SAVE_VIDEOS, &params, NULL, &err)) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	for (int i = 0; i < COLUMNS; i++)
		db_array_finish(&columns[i]);
}

/* User and system time of a process, from fields 14 and 15 of its stat file; see proc(5). */
static double cpu_ms_of(int64_t pid)
{
	char path[64];
	char line[1024];
	char *field;
	unsigned long long user = 0;
	unsigned long long system = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof line, file) || !(field = strrchr(line, ')'))) {
		fprintf(stderr, "cannot read %s: the server must run on this machine\n", path);
		exit(1);
	}
	fclose(file);
	field += 2; /* at the third */
	for (int i = 3; i < 14; i++)
		field = strchr(field, ' ') + 1;
	user = strtoull(field, &field, 10);
	system = strtoull(field, NULL, 10);
	return (double)(user + system) * 1000 / (double)sysconf(_SC_CLK_TCK);
}

static struct cost save_jobs(const struct test_database *database, int jobs, int jobs_per_batch)
{
	struct db *db;
	struct cost cost;
	int64_t pid;
	int64_t wal_before;

	test_execute(database->db, "TRUNCATE tiktok_video_daily");
	db = test_database_connect(database, PROGRAM_WORKER);
	pid = test_query_integer(db, "SELECT pg_backend_pid()");
	wal_before = test_query_integer(db, "SELECT (pg_current_wal_insert_lsn() - '0/0')::int8");
	cost.cpu_ms = -cpu_ms_of(pid);
	for (int job = 1; job <= jobs; job += jobs_per_batch)
		save_batch(db, job, job + jobs_per_batch <= jobs ? job + jobs_per_batch : jobs + 1);
	cost.cpu_ms += cpu_ms_of(pid);
	cost.wal_bytes = (double)(test_query_integer(db,
					  "SELECT (pg_current_wal_insert_lsn() - '0/0')::int8") -
				  wal_before);
	db_close(db);
	cost.cpu_ms /= jobs;
	cost.wal_bytes /= jobs;
	return cost;
}

static int compare_numbers(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *numbers, int count)
{
	qsort(numbers, (size_t)count, sizeof *numbers, compare_numbers);
	return (numbers[(count - 1) / 2] + numbers[count / 2]) / 2;
}

static int argument(int argc, char **argv, int place, int otherwise)
{
	int number = argc > place ? (int)strtol(argv[place], NULL, 10) : otherwise;

	if (number < 1 || (place == 1 && number > PAIRS_MAX)) {
		fprintf(stderr, "usage: bench_index_effect [PAIRS [JOBS [JOBS_PER_BATCH]]]\n");
		exit(2);
	}
	return number;
}

int main(int argc, char **argv)
{
	int pairs = argument(argc, argv, 1, 5);
	int jobs = argument(argc, argv, 2, 1000);
	int jobs_per_batch = argument(argc, argv, 3, 16);
	struct test_database without;
	struct test_database with;
	double cpu_ratios[PAIRS_MAX];
	double wal_ratios[PAIRS_MAX];

	test_database_create(&without);
	test_database_create(&with);
	test_execute(with.db, "CREATE INDEX tiktok_video_daily_store_video_date_idx"
			      " ON tiktok_video_daily (store_code, video_id, snapshot_date)");
	test_insert_accounts(without.db, jobs);
	test_insert_accounts(with.db, jobs);

	printf("%d jobs of %d videos, %d jobs a transaction\n", jobs, VIDEOS_PER_JOB,
		jobs_per_batch);
	printf("pair   with index: CPU ms/job  WAL B/job   without: CPU ms/job  WAL B/job   ratios\n");
	for (int pair = 0; pair < pairs; pair++) {
		struct cost cost[2];
		int first = pair % 2; /* who begins takes turns, too */

		cost[first] = save_jobs(first ? &without : &with, jobs, jobs_per_batch);
		cost[1 - first] = save_jobs(first ? &with : &without, jobs, jobs_per_batch);
		cpu_ratios[pair] = cost[1].cpu_ms / cost[0].cpu_ms;
		wal_ratios[pair] = cost[1].wal_bytes / cost[0].wal_bytes;
		printf("%4d %22.3f %10.0f %21.3f %10.0f    %.3f %.3f\n", pair + 1, cost[0].cpu_ms,
			cost[0].wal_bytes, cost[1].cpu_ms, cost[1].wal_bytes, cpu_ratios[pair],
			wal_ratios[pair]);
		fflush(stdout);
	}
	printf("median ratio without/with the index: CPU %.3f, WAL %.3f\n",
		median(cpu_ratios, pairs), median(wal_ratios, pairs));
	test_database_destroy(&without);
	test_database_destroy(&with);
	return 0;
}
