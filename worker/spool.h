/* SPDX-License-Identifier: MIT */
/*
 * The spool: a directory of this host where a new token pair lies, encrypted (sealed_pair.h), from the
 * moment TikTok has sent it until it is committed. Whoever dies in between leaves the file, and the
 * next worker of this host saves it (recovery.h): a rotation is lost only by a death in the
 * milliseconds before the file is on the disk.
 *
 *     spool_keep() --> .pair-17-3-<random> --fsync, rename, fsync--> pair-17-3-<random> --> spool_forget()
 *                                                                         | its owner died
 *     spool_list(), spool_take() <----------------------------------------+--> bad-pair-... (damaged)
 *
 * Workers may share the directory: an owner holds a lock (flock) on its file, which its death releases,
 * and who cannot have the lock leaves the file alone. The directory must be ours and nobody else's
 * (0700); links are not followed.
 * Threads: any; a spool does not change once it is open. A spool_file has one owner.
 */
#ifndef WORKER_SPOOL_H
#define WORKER_SPOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "worker/sealed_pair.h"

#define SPOOL_NAME_SIZE 80

struct spool;

/* A file that we hold the lock of; zeroed: none. */
struct spool_file {
	int fd;
	char name[SPOOL_NAME_SIZE];
};

/*
 * Open the directory, making it where it is missing.
 *
 * Fails: settings - it cannot be used; the sentence says why.
 */
bool spool_open(const char *path, struct spool **spool, struct error *err);
void spool_close(struct spool *spool); /* NULL: nothing to do */
const char *spool_path(const struct spool *spool);

/*
 * Put the pair on the disk. When this returns true, it survives us, and a loss of power.
 *
 * Owns:  *file (zeroed before) is ended by spool_forget() or spool_let_go().
 * Fails: internal - the disk is full, or the like; nothing is left of it.
 */
bool spool_keep(struct spool *spool, const struct sealed_pair *pair, struct spool_file *file,
	struct error *err);
/* The pair is saved, or of no use any more: remove the file. Zeroed: nothing to do. */
void spool_forget(struct spool *spool, struct spool_file *file);
/* Leave the file to whoever takes it next. Zeroed: nothing to do. */
void spool_let_go(struct spool_file *file);

/* The names of at most max files, in no order; returns how many. Some may be busy, or gone. */
size_t spool_list(struct spool *spool, char names[][SPOOL_NAME_SIZE], size_t max);

enum spool_find {
	SPOOL_TAKEN,   /* *file is ours, *pair is filled in */
	SPOOL_BUSY,    /* its owner lives, or it is gone */
	SPOOL_DAMAGED, /* *file is ours; *err says what is wrong */
};

enum spool_find spool_take(struct spool *spool, const char *name, struct spool_file *file,
	struct sealed_pair *pair, struct error *err);
/* Rename a file that is of no use to "bad-...", for a person to look at, and let it go. */
void spool_set_aside(struct spool *spool, struct spool_file *file);

#endif
