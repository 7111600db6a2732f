/* SPDX-License-Identifier: MIT */
/*
 * The spool's directory. The fetcher keeps pairs there; the claims forget, list and take them.
 */
#include "worker/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/memory.h"

#define PREFIX    "pair-"
#define UNRENAMED "." PREFIX
#define ASIDE     "bad-"
/* A file that was not renamed yet is being written, unless it is older. */
#define WRITING_US (INT64_C(30) * 1000000)

struct spool {
	int directory;
	char *path;
};

/* ---- The directory ---- */

static bool refuse(const char *path, const char *why, struct error *err)
{
	error_set(err, ERROR_SETTINGS, "TOKEN_SPOOL_DIR: %s cannot be used: %s", path, why);
	return false;
}

/* Ours and nobody else's: under a public directory somebody else may have made it first. */
static bool check_directory(const char *path, int directory, struct error *err)
{
	struct stat status;

	if (fstat(directory, &status) != 0)
		return refuse(path, strerror(errno), err);
	if (status.st_uid != geteuid())
		return refuse(path, "it belongs to another user", err);
	if (status.st_mode & 077)
		return refuse(path, "others may enter it: chmod 700 it", err);
	if (faccessat(directory, ".", W_OK | X_OK, AT_EACCESS) != 0)
		return refuse(path, strerror(errno), err);
	return true;
}

bool spool_open(const char *path, struct spool **spool, struct error *err)
{
	struct spool *made;
	int directory;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return refuse(path, strerror(errno), err);
	directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory < 0)
		return refuse(path, errno == ELOOP ? "it is a link" : strerror(errno), err);
	if (!check_directory(path, directory, err)) {
		close(directory);
		return false;
	}
	made = memory_allocate(1, sizeof *made);
	made->directory = directory;
	made->path = memory_copy_text(path);
	*spool = made;
	return true;
}

void spool_close(struct spool *spool)
{
	if (!spool)
		return;
	close(spool->directory);
	free(spool->path);
	free(spool);
}

const char *spool_path(const struct spool *spool)
{
	return spool->path;
}

/* ---- Keeping ---- */

static bool write_all(int fd, const struct text *bytes)
{
	for (size_t done = 0; done < bytes->length;) {
		ssize_t wrote = write(fd, bytes->data + done, bytes->length - done);

		if (wrote < 0 && errno != EINTR)
			return false;
		done += wrote > 0 ? (size_t)wrote : 0;
	}
	return true;
}

bool spool_keep(struct spool *spool, const struct sealed_pair *pair, struct spool_file *file,
	struct error *err)
{
	int directory = spool->directory;
	char unrenamed[SPOOL_NAME_SIZE + 1];
	struct text bytes = {0};
	bool ok = false;
	int fd;

	snprintf(file->name, sizeof file->name, PREFIX "%" PRId64 "-%" PRId64 "-%016" PRIx64,
		pair->account_id, pair->token_version, random_u64());
	snprintf(unrenamed, sizeof unrenamed, ".%s", file->name);
	sealed_pair_write(pair, &bytes);
	fd = openat(directory, unrenamed, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	ok = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && write_all(fd, &bytes) &&
	     fsync(fd) == 0 && renameat(directory, unrenamed, directory, file->name) == 0 &&
	     fsync(directory) == 0;
	text_finish(&bytes);
	if (ok) {
		file->fd = fd;
		return true;
	}
	error_set(err, ERROR_INTERNAL, "cannot write to %s: %s", spool->path, strerror(errno));
	if (fd >= 0) {
		unlinkat(directory, unrenamed, 0);
		unlinkat(directory, file->name, 0);
		close(fd);
	}
	*file = (struct spool_file){0};
	return false;
}

void spool_let_go(struct spool_file *file)
{
	if (file->name[0])
		close(file->fd);
	*file = (struct spool_file){0};
}

void spool_forget(struct spool *spool, struct spool_file *file)
{
	if (!file->name[0])
		return;
	/* One that comes back after a loss of power is found to be of no use. */
	if (unlinkat(spool->directory, file->name, 0) != 0 && errno != ENOENT)
		log_warn("cannot remove %s/%s, which is of no use any more: %s", spool->path,
			file->name, strerror(errno));
	fsync(spool->directory);
	spool_let_go(file);
}

/* ---- Finding ---- */

static bool is_named_so(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0 && strlen(name) < SPOOL_NAME_SIZE;
}

size_t spool_list(struct spool *spool, char names[][SPOOL_NAME_SIZE], size_t max)
{
	int fd = openat(spool->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	size_t count = 0;

	if (!entries && fd >= 0)
		close(fd);
	while (entries && count < max && (entry = readdir(entries)))
		if (is_named_so(entry->d_name, PREFIX) || is_named_so(entry->d_name, UNRENAMED))
			snprintf(names[count++], SPOOL_NAME_SIZE, "%.*s", SPOOL_NAME_SIZE - 1,
				entry->d_name);
	if (entries)
		closedir(entries);
	return count;
}

static enum spool_find find_damaged(const char *why, struct error *err)
{
	error_set(err, ERROR_BAD_MESSAGE, "%s", why);
	return SPOOL_DAMAGED;
}

/* Is name still the file that we have opened and locked? Its owner may have ended with it in between. */
static bool is_still_there(struct spool *spool, const char *name, const struct stat *ours)
{
	struct stat there;

	return fstatat(spool->directory, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       there.st_ino == ours->st_ino && there.st_dev == ours->st_dev;
}

static bool is_being_written(const char *name, const struct stat *status)
{
	int64_t changed_us = (int64_t)status->st_mtim.tv_sec * 1000000;

	return name[0] == '.' && clock_unix_us() - changed_us < WRITING_US;
}

static enum spool_find read_pair(int fd, size_t size, struct sealed_pair *pair, struct error *err)
{
	char *bytes = memory_allocate(size + 1, 1);
	ssize_t got = pread(fd, bytes, size, 0);
	enum spool_find found = SPOOL_TAKEN;

	if (got < 0)
		found = find_damaged(strerror(errno), err);
	else if (!sealed_pair_read(bytes, (size_t)got, pair, err))
		found = SPOOL_DAMAGED;
	free(bytes);
	return found;
}

enum spool_find spool_take(struct spool *spool, const char *name, struct spool_file *file,
	struct sealed_pair *pair, struct error *err)
{
	struct stat status;
	int fd = openat(spool->directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return SPOOL_BUSY; /* gone; or a link, which no worker of ours made */
	if (fstat(fd, &status) != 0 || is_being_written(name, &status) ||
		flock(fd, LOCK_EX | LOCK_NB) != 0 || !is_still_there(spool, name, &status)) {
		close(fd);
		return SPOOL_BUSY;
	}
	file->fd = fd;
	snprintf(file->name, sizeof file->name, "%s", name);
	if (!S_ISREG(status.st_mode) || status.st_uid != geteuid())
		return find_damaged("it is no file of ours", err);
	if (status.st_size > SEALED_PAIR_MAX)
		return find_damaged("it is too long for a token pair", err);
	return read_pair(fd, (size_t)status.st_size, pair, err);
}

void spool_set_aside(struct spool *spool, struct spool_file *file)
{
	char aside[SPOOL_NAME_SIZE + sizeof ASIDE];

	snprintf(aside, sizeof aside, ASIDE "%s", file->name + (file->name[0] == '.'));
	if (renameat(spool->directory, file->name, spool->directory, aside) != 0)
		log_warn("cannot rename %s/%s: %s", spool->path, file->name, strerror(errno));
	spool_let_go(file);
}
