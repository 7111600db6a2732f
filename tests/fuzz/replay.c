/* SPDX-License-Identifier: MIT */
/*
 * The driver of a fuzz target in builds without libFuzzer: runs the target once over every file of
 * the corpus directories named as arguments, so that each input that once broke a parser is tried
 * by every run of the unit tests. One thread.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says what broke, with the reason errno gives, and ends the test. */
static _Noreturn void fail(const char *path)
{
	perror(path);
	exit(EXIT_FAILURE);
}

static void read_fully(int fd, const char *path, uint8_t *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = read(fd, data + done, size - done);

		if (got <= 0)
			fail(path);
		done += (size_t)got;
	}
}

/*
 * The input stands in a block of exactly its size, so that AddressSanitizer sees a read beyond its
 * end.
 */
static void replay_input(int directory, const char *name)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	struct stat status;
	uint8_t *data;
	size_t size;

	if (fd < 0 || fstat(fd, &status) != 0)
		fail(name);
	size = (size_t)status.st_size;
	data = malloc(size > 0 ? size : 1);
	if (data == NULL)
		fail(name);
	read_fully(fd, name, data, size);
	close(fd);

	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

static size_t replay_corpus(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	size_t replayed = 0;

	if (directory == NULL)
		fail(path);
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		printf("%s\n",
			entry->d_name); /* before the run: the last name printed is the one that crashed */
		fflush(stdout);
		replay_input(dirfd(directory), entry->d_name);
		replayed++;
	}
	closedir(directory);
	return replayed;
}

int main(int argc, char **argv)
{
	size_t replayed = 0;

	for (int i = 1; i < argc; i++)
		replayed += replay_corpus(argv[i]);
	printf("%zu inputs replayed\n", replayed);
	return replayed > 0 ? EXIT_SUCCESS
			    : EXIT_FAILURE; /* a test without inputs would assert nothing */
}
