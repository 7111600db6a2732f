/* SPDX-License-Identifier: MIT */
/*
 * The spool of new token pairs (worker/spool.c, worker/sealed_pair.c): what is kept comes back as it
 * was, nobody takes what its owner still holds, and nothing that is damaged, foreign or a trap is
 * taken for a pair. One thread; two openings of the directory stand for two workers, for a lock belongs
 * to the opening of a file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/spool.h"

#define ROOT "/tmp/storesync-spool-XXXXXX"

static char root[sizeof ROOT];
static char path[sizeof ROOT + 8];
static struct spool *spool, *other; /* of two workers */

static char access_cell[] = "v1:630dcd29:QUJD", refresh_cell[] = "v1:630dcd29:REVG";
static char scope[] = "user.info.basic,video.list \"\n";

static const struct sealed_pair pair = {.account_id = 17,
	.token_version = 3,
	.access_cell = access_cell,
	.refresh_cell = refresh_cell,
	.scope = scope,
	.issued_at_us = INT64_C(1795759200000000),
	.expires_at_us = INT64_C(1795766400000000),
	.refresh_expires_at_us = INT64_C(1811311200000000)};

static int begin(void **state)
{
	struct error err;

	memcpy(root, ROOT, sizeof ROOT);
	if (!mkdtemp(root))
		return -1;
	snprintf(path, sizeof path, "%s/spool", root);
	return spool_open(path, &spool, &err) && spool_open(path, &other, &err) ? 0 : -1;
}

static void empty(const char *directory)
{
	DIR *files = opendir(directory);
	const struct dirent *file;

	while (files && (file = readdir(files)))
		unlinkat(dirfd(files), file->d_name, 0);
	if (files)
		closedir(files);
	rmdir(directory);
}

static int end(void **state)
{
	spool_close(spool);
	spool_close(other);
	chmod(path, 0700);
	empty(path);
	empty(root);
	return 0;
}

static size_t count(void)
{
	char names[8][SPOOL_NAME_SIZE];

	return spool_list(spool, names, 8);
}

/* The only file that there is. */
static const char *name(void)
{
	static char names[2][SPOOL_NAME_SIZE];

	assert_int_equal(spool_list(spool, names, 2), 1);
	return names[0];
}

static void keep(struct spool_file *file)
{
	struct error err;

	*file = (struct spool_file){0};
	assert_true(spool_keep(spool, &pair, file, &err));
}

/* A worker that dies lets go of its files. */
static void keep_and_die(void)
{
	struct spool_file file;

	keep(&file);
	spool_let_go(&file);
}

static void write_file(const char *file_name, const char *content)
{
	char file_path[200];
	FILE *file;

	snprintf(file_path, sizeof file_path, "%s/%s", path, file_name);
	file = fopen(file_path, "we");
	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

static enum spool_find take_from(
	struct spool *from, const char *file_name, struct spool_file *file, struct sealed_pair *got)
{
	struct error err;

	*file = (struct spool_file){0};
	*got = (struct sealed_pair){0};
	return spool_take(from, file_name, file, got, &err);
}

static void what_is_kept_comes_back_as_it_was(void **state)
{
	struct spool_file file;
	struct sealed_pair got;

	keep_and_die();
	assert_int_equal(take_from(other, name(), &file, &got), SPOOL_TAKEN);
	assert_true(got.account_id == 17 && got.token_version == 3);
	assert_string_equal(got.access_cell, pair.access_cell);
	assert_string_equal(got.refresh_cell, pair.refresh_cell);
	assert_string_equal(got.scope, pair.scope);
	assert_true(got.issued_at_us == pair.issued_at_us);
	assert_true(got.expires_at_us == pair.expires_at_us);
	assert_true(got.refresh_expires_at_us == pair.refresh_expires_at_us);
	sealed_pair_finish(&got);
	spool_forget(other, &file);
	assert_int_equal(count(), 0);
}

static void what_is_not_known_stays_unknown(void **state)
{
	const struct sealed_pair little = {.account_id = 1,
		.access_cell = access_cell,
		.refresh_cell = refresh_cell,
		.issued_at_us = 1,
		.expires_at_us = 2};
	struct text bytes = {0};
	struct sealed_pair got = {0};
	struct error err;

	sealed_pair_write(&little, &bytes);
	assert_true(sealed_pair_read(bytes.data, bytes.length, &got, &err));
	assert_null(got.scope);
	assert_true(got.refresh_expires_at_us == 0);
	sealed_pair_finish(&got);
	text_finish(&bytes);
}

static void a_file_whose_owner_lives_is_left_alone(void **state)
{
	struct spool_file mine, theirs;
	struct sealed_pair got;

	keep(&mine);
	assert_int_equal(take_from(other, name(), &theirs, &got), SPOOL_BUSY);
	spool_forget(spool, &mine);
	assert_int_equal(count(), 0);
}

/* Killed: a lock must not outlive its process. */
static void the_death_of_the_owner_frees_its_file(void **state)
{
	struct spool_file file;
	struct sealed_pair got;
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct error err;

		file = (struct spool_file){0};
		spool_keep(spool, &pair, &file, &err);
		kill(getpid(), SIGKILL);
	}
	waitpid(child, &status, 0);
	assert_int_equal(take_from(other, name(), &file, &got), SPOOL_TAKEN);
	sealed_pair_finish(&got);
	spool_forget(other, &file);
}

static void of_two_who_recover_one_gets_the_file(void **state)
{
	struct spool_file mine, theirs;
	struct sealed_pair got, none;
	char seen[SPOOL_NAME_SIZE];

	keep_and_die();
	snprintf(seen, sizeof seen, "%s", name());
	assert_int_equal(take_from(spool, seen, &mine, &got), SPOOL_TAKEN);
	assert_int_equal(take_from(other, seen, &theirs, &none), SPOOL_BUSY);
	spool_forget(spool, &mine);
	assert_int_equal(take_from(other, seen, &theirs, &none), SPOOL_BUSY);
	sealed_pair_finish(&got);
}

static void files_are_for_our_eyes_only(void **state)
{
	char file_path[200];
	struct stat status;

	keep_and_die();
	snprintf(file_path, sizeof file_path, "%s/%s", path, name());
	assert_int_equal(stat(file_path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
}

static void assert_refused(const char *directory, const char *why)
{
	struct spool *refused = NULL;
	struct error err;

	assert_false(spool_open(directory, &refused, &err));
	assert_null(refused);
	assert_int_equal(err.class, ERROR_SETTINGS);
	assert_non_null(strstr(err.text, "TOKEN_SPOOL_DIR"));
	assert_non_null(strstr(err.text, why));
}

static void a_directory_that_is_not_ours_alone_is_refused(void **state)
{
	char link[sizeof root + 8], file[sizeof root + 8];

	chmod(path, 0750);
	assert_refused(path, "chmod 700");
	chmod(path, 0700);
	snprintf(link, sizeof link, "%s/link", root);
	assert_int_equal(symlink(path, link), 0);
	assert_refused(link, "cannot be used");
	snprintf(file, sizeof file, "%s/file", root);
	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_refused(file, "cannot be used");
	assert_refused("/nowhere/at/all", "No such file");
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
		assert_refused(path, "another user");
		assert_int_equal(chown(path, 0, (gid_t)-1), 0);
	}
}

static void what_is_damaged_is_set_aside_and_not_found_again(void **state)
{
	static const char *const contents[] = {"", "\n", "{}", "{\"v\":1}\n",
		"{\"v\":1}\n0000000000000000000000000000000000000000000000000000000000000000\n"};
	struct spool_file file;
	struct sealed_pair got;

	for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
		write_file("pair-17-3-0", contents[i]);
		assert_int_equal(take_from(spool, "pair-17-3-0", &file, &got), SPOOL_DAMAGED);
		spool_set_aside(spool, &file);
		assert_int_equal(count(), 0);
	}
}

static void every_changed_byte_is_noticed(void **state)
{
	struct text bytes = {0};
	struct sealed_pair got = {0};
	struct error err;

	sealed_pair_write(&pair, &bytes);
	for (size_t i = 0; i < bytes.length; i++) {
		bytes.data[i] ^= 1;
		assert_false(sealed_pair_read(bytes.data, bytes.length, &got, &err));
		assert_int_equal(err.class, ERROR_BAD_MESSAGE);
		bytes.data[i] ^= 1;
		assert_false(sealed_pair_read(bytes.data, i, &got, &err));
	}
	text_finish(&bytes);
}

/* Its checksum is right, but it is of a later storesync. */
static void another_version_is_not_guessed_at(void **state)
{
	static const char later[] =
		"{\"v\":2,\"account_id\":1}\n"
		"4cedff3e57323a9e0aae85d77bdbc7344252095562c34d86d4b2906d5e5ea31d\n";
	struct sealed_pair got = {0};
	struct error err;

	assert_false(sealed_pair_read(later, strlen(later), &got, &err));
	assert_non_null(strstr(err.text, "version 2"));
}

static void links_and_pipes_are_no_files_of_ours(void **state)
{
	char inside[200], outside[200];
	struct spool_file file;
	struct sealed_pair got;

	snprintf(inside, sizeof inside, "%s/pair-1-1-0", path);
	snprintf(outside, sizeof outside, "%s/elsewhere", root);
	keep_and_die();
	assert_int_equal(symlink(outside, inside), 0);
	assert_int_equal(take_from(spool, "pair-1-1-0", &file, &got), SPOOL_BUSY);
	unlink(inside);
	assert_int_equal(mkfifo(inside, 0600), 0);
	assert_int_equal(take_from(spool, "pair-1-1-0", &file, &got), SPOOL_DAMAGED);
	spool_set_aside(spool, &file);
}

/* Whoever writes it has not renamed it yet; unless that was long ago. */
static void a_file_that_is_being_written_is_left_alone(void **state)
{
	struct timespec long_ago[2] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
	char from[200], to[200];
	struct spool_file file;
	struct sealed_pair got;

	keep_and_die();
	snprintf(from, sizeof from, "%s/%s", path, name());
	snprintf(to, sizeof to, "%s/.pair-17-3-0", path);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(take_from(other, ".pair-17-3-0", &file, &got), SPOOL_BUSY);
	assert_int_equal(utimensat(AT_FDCWD, to, long_ago, 0), 0);
	assert_string_equal(name(), ".pair-17-3-0");
	assert_int_equal(take_from(other, ".pair-17-3-0", &file, &got), SPOOL_TAKEN);
	sealed_pair_finish(&got);
	spool_forget(other, &file);
}

static void a_pair_that_cannot_be_kept_leaves_nothing(void **state)
{
	struct spool_file file = {0};
	struct error err;

	empty(path); /* gone, under a worker that has it open */
	assert_false(spool_keep(spool, &pair, &file, &err));
	assert_int_equal(file.name[0], '\0');
	spool_forget(spool, &file);
	assert_non_null(strstr(err.text, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_kept_comes_back_as_it_was, begin, end),
		cmocka_unit_test(what_is_not_known_stays_unknown),
		cmocka_unit_test_setup_teardown(a_file_whose_owner_lives_is_left_alone, begin, end),
		cmocka_unit_test_setup_teardown(the_death_of_the_owner_frees_its_file, begin, end),
		cmocka_unit_test_setup_teardown(of_two_who_recover_one_gets_the_file, begin, end),
		cmocka_unit_test_setup_teardown(files_are_for_our_eyes_only, begin, end),
		cmocka_unit_test_setup_teardown(
			a_directory_that_is_not_ours_alone_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(
			what_is_damaged_is_set_aside_and_not_found_again, begin, end),
		cmocka_unit_test(every_changed_byte_is_noticed),
		cmocka_unit_test(another_version_is_not_guessed_at),
		cmocka_unit_test_setup_teardown(links_and_pipes_are_no_files_of_ours, begin, end),
		cmocka_unit_test_setup_teardown(
			a_file_that_is_being_written_is_left_alone, begin, end),
		cmocka_unit_test_setup_teardown(
			a_pair_that_cannot_be_kept_leaves_nothing, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
