/* SPDX-License-Identifier: MIT */
/*
 * The table of settings, for the modules that load and print it, and for the test that walks it.
 */
#ifndef COMMON_CONFIG_TABLE_H
#define COMMON_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_kind {
	SETTING_TEXT,     /* char * */
	SETTING_URL,      /* char *; its scheme is one of choices */
	SETTING_BASE_URL, /* the same; paths are appended to it, so a trailing slash is dropped */
	SETTING_KEYS,     /* char *; comma-separated, 64 hex digits each, least to most of them */
	SETTING_INTEGER,  /* int64_t, least to most */
	SETTING_SECONDS,  /* int64_t of milliseconds; given in whole seconds, least to most */
	SETTING_BOOLEAN,  /* bool */
	SETTING_CHOICE,   /* an enum: the place among choices */
};

struct setting {
	const char *name;
	enum setting_kind kind;
	bool secret;          /* never quoted; NAME_FILE may stand in */
	size_t member;        /* its offset in struct config */
	unsigned users;       /* set of enum program: who reads it */
	unsigned required;    /* set of enum program: who cannot do without it */
	const char *standard; /* the default, written as in the environment; NULL: none */
	const char *choices;  /* words between bars; NULL: not of such a kind */
	int64_t least;
	int64_t most;
	const char *help;
};

extern const struct setting config_table[];
extern const size_t config_table_length;

#endif
