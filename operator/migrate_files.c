/* SPDX-License-Identifier: MIT */
/*
 * The migrations directory: which files there are, in order, with their checksums. One thread.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/crypto.h"
#include "common/memory.h"
#include "common/text.h"
#include "operator/migrate.h"

#define VERSION_DIGITS 4

const char *migrations_directory(const struct config *config)
{
	if (config->migrations_dir)
		return config->migrations_dir;
	if (access(STORESYNC_MIGRATIONS_DIR, R_OK) == 0)
		return STORESYNC_MIGRATIONS_DIR;
	return STORESYNC_SOURCE_MIGRATIONS_DIR;
}

static bool has_suffix(const char *file, const char *suffix)
{
	size_t length = strlen(file);
	size_t suffix_length = strlen(suffix);

	return length > suffix_length && strcmp(file + length - suffix_length, suffix) == 0;
}

/* The number of NNNN_name.sql; 0: the name has another form. */
static int version_of(const char *file)
{
	if (strspn(file, "0123456789") != VERSION_DIGITS || file[VERSION_DIGITS] != '_' ||
		strspn(file + VERSION_DIGITS + 1, "abcdefghijklmnopqrstuvwxyz0123456789_") !=
			strlen(file) - VERSION_DIGITS - 1 - strlen(".sql"))
		return 0;
	return (int)strtol(file, NULL, 10);
}

static bool read_file(const char *path, struct text *content, struct error *err)
{
	FILE *file = fopen(path, "re");
	char part[4096];
	size_t got;
	bool ok = false;

	if (!file)
		goto out;
	while ((got = fread(part, 1, sizeof part, file)) > 0)
		text_append_bytes(content, part, got);
	ok = !ferror(file);
out:
	if (!ok)
		error_set(err, ERROR_SETTINGS, "cannot read %s: %s", path, strerror(errno));
	if (file)
		fclose(file);
	return ok;
}

static bool load_file(
	const char *directory, const char *file, struct migration *migration, struct error *err)
{
	struct text path = {0};
	struct text sql = {0};
	unsigned char hash[CRYPTO_HASH_SIZE];
	bool ok;

	text_append_format(&path, "%s/%s", directory, file);
	ok = read_file(path.data, &sql, err);
	if (ok) {
		crypto_sha256(text_string(&sql), sql.length, hash);
		crypto_hex(hash, sizeof hash, migration->checksum);
		migration->version = version_of(file);
		migration->name = memory_copy_bytes(file, strlen(file) - strlen(".sql"));
		migration->sql = memory_copy_text(text_string(&sql));
	}
	text_finish(&sql);
	text_finish(&path);
	return ok;
}

static int is_migration(const struct dirent *entry)
{
	return has_suffix(entry->d_name, ".sql");
}

/* By name, which is by number. */
static bool load_files(
	struct migrations *migrations, struct dirent **entries, int count, struct error *err)
{
	migrations->list = memory_allocate((size_t)count + 1, sizeof *migrations->list);
	for (int i = 0; i < count; i++) {
		const char *file = entries[i]->d_name;
		int version = version_of(file);
		int expected = (int)migrations->count + 1;

		if (version == 0)
			error_set(err, ERROR_SETTINGS,
				"%s/%s is not named NNNN_name.sql (four digits, then small letters, digits "
				"and underscores)",
				migrations->directory, file);
		else if (version < expected)
			error_set(err, ERROR_SETTINGS,
				"the number of %s/%s is used twice: rename the newer file",
				migrations->directory, file);
		else if (version > expected)
			error_set(err, ERROR_SETTINGS,
				"migration %04d is missing in %s: the next file there is %s",
				expected, migrations->directory, file);
		if (version != expected || !load_file(migrations->directory, file,
						   &migrations->list[migrations->count], err))
			return false;
		migrations->count++;
	}
	return true;
}

bool migrations_load(const char *directory, struct migrations *migrations, struct error *err)
{
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, is_migration, alphasort);
	bool ok = false;

	*migrations = (struct migrations){.directory = memory_copy_text(directory)};
	if (count < 0)
		error_set(err, ERROR_SETTINGS,
			"cannot read the migrations directory %s: %s (MIGRATIONS_DIR names another)",
			directory, strerror(errno));
	else if (count == 0)
		error_set(err, ERROR_SETTINGS,
			"there is no migration in %s (MIGRATIONS_DIR names another directory)",
			directory);
	else
		ok = load_files(migrations, entries, count, err);
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	if (!ok)
		migrations_finish(migrations);
	return ok;
}

void migrations_finish(struct migrations *migrations)
{
	for (size_t i = 0; i < migrations->count; i++) {
		free(migrations->list[i].name);
		free(migrations->list[i].sql);
	}
	free(migrations->list);
	free(migrations->directory);
	*migrations = (struct migrations){0};
}
