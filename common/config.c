/* SPDX-License-Identifier: MIT */
/*
 * Reads the settings of config_table.c from the environment. Each value is judged by the kind of
 * its setting; a fault is one sentence, and all of them are told in one go. Run by the main thread
 * before others start.
 */
#include "common/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/config_table.h"
#include "common/memory.h"

#define SECRET_FILE_MAX 65536
#define KEY_DIGITS      64

static_assert(sizeof(enum log_level) == sizeof(int) && sizeof(enum log_format) == sizeof(int),
	"choices are stored as int");

/* What is wrong with a value, to be said after the name of its setting. Secrets are never quoted. */
static bool fault(struct text *faults, const struct setting *setting, const char *value,
	const char *expectation)
{
	if (setting->secret)
		text_append_format(faults, "%s must be %s\n", setting->name, expectation);
	else
		text_append_format(
			faults, "%s is \"%s\" but must be %s\n", setting->name, value, expectation);
	return false;
}

/* The place of word among words between bars; -1: not there. */
static int place_among(const char *choices, const char *word, size_t length)
{
	for (int place = 0;; place++) {
		size_t choice_length = strcspn(choices, "|");

		if (choice_length == length && strncasecmp(choices, word, length) == 0)
			return place;
		choices += choice_length;
		if (*choices++ == '\0')
			return -1;
	}
}

static bool is_boolean(const char *value, bool *boolean)
{
	*boolean = place_among("true|1|yes|on", value, strlen(value)) >= 0;
	return *boolean || place_among("false|0|no|off", value, strlen(value)) >= 0;
}

static bool is_integer(const char *value, int64_t least, int64_t most, int64_t *number)
{
	char *end;

	if (!isdigit((unsigned char)*value))
		return false;
	errno = 0;
	*number = strtoll(value, &end, 10);
	return errno == 0 && *end == '\0' && *number >= least && *number <= most;
}

static bool is_url(const char *value, const char *schemes, bool needs_host)
{
	const char *rest = strstr(value, "://");

	if (!rest || place_among(schemes, value, (size_t)(rest - value)) < 0)
		return false;
	rest += strlen("://");
	if (*rest == '\0' || (needs_host && strchr("/?#:", *rest)))
		return false;
	for (; *rest; rest++)
		if (isspace((unsigned char)*rest))
			return false;
	return true;
}

static bool is_key_list(const char *value, int64_t least, int64_t most)
{
	int64_t keys = 0;

	for (; *value; value++) {
		size_t digits = strspn(value, "0123456789abcdefABCDEF");

		if (digits != KEY_DIGITS)
			return false;
		keys++;
		value += digits;
		if (*value == '\0')
			break;
		if (*value != ',' || value[1] == '\0')
			return false;
	}
	return keys >= least && keys <= most;
}

static void store_text(char **member, const char *value, size_t length)
{
	memory_free_secret(*member);
	*member = memory_copy_bytes(value, length);
}

static bool store_url(
	char **member, const struct setting *setting, const char *value, struct text *faults)
{
	bool is_base = setting->kind == SETTING_BASE_URL;
	size_t length = strlen(value);

	if (!is_url(value, setting->choices, is_base)) {
		struct text expectation = {0};
		const char *first = setting->choices;

		text_append(&expectation, "a URL that begins with ");
		text_append_bytes(&expectation, first, strcspn(first, "|"));
		text_append_format(&expectation, ":// or %s://", strchr(first, '|') + 1);
		fault(faults, setting, value, text_string(&expectation));
		text_finish(&expectation);
		return false;
	}
	while (is_base && value[length - 1] == '/')
		length--;
	store_text(member, value, length);
	return true;
}

static bool store_number(int64_t *member, const struct setting *setting, const char *value,
	int64_t scale, struct text *faults)
{
	struct text expectation = {0};
	int64_t number;

	if (is_integer(value, setting->least, setting->most, &number)) {
		*member = number * scale;
		return true;
	}
	text_append_format(&expectation, "a whole number%s from %lld to %lld",
		scale == 1 ? "" : " of seconds", (long long)setting->least,
		(long long)setting->most);
	fault(faults, setting, value, text_string(&expectation));
	text_finish(&expectation);
	return false;
}

static bool store_choice(
	int *member, const struct setting *setting, const char *value, struct text *faults)
{
	int place = place_among(setting->choices, value, strlen(value));
	struct text expectation = {0};

	if (place >= 0) {
		*member = place;
		return true;
	}
	text_append_format(&expectation, "one of %s", setting->choices);
	fault(faults, setting, value, text_string(&expectation));
	text_finish(&expectation);
	return false;
}

static bool store(struct config *config, const struct setting *setting, const char *value,
	struct text *faults)
{
	void *member = (char *)config + setting->member;

	for (const char *c = value; *c; c++)
		if (iscntrl((unsigned char)*c)) {
			text_append_format(
				faults, "%s must not hold control characters\n", setting->name);
			return false;
		}
	switch (setting->kind) {
	case SETTING_TEXT:
		store_text(member, value, strlen(value));
		return true;
	case SETTING_URL:
	case SETTING_BASE_URL:
		return store_url(member, setting, value, faults);
	case SETTING_KEYS:
		if (!is_key_list(value, setting->least, setting->most))
			return fault(faults, setting, value,
				setting->most == 1 ? "64 hex digits"
						   : "keys of 64 hex digits, comma-separated");
		store_text(member, value, strlen(value));
		return true;
	case SETTING_INTEGER:
		return store_number(member, setting, value, 1, faults);
	case SETTING_SECONDS:
		return store_number(member, setting, value, 1000, faults);
	case SETTING_BOOLEAN:
		return is_boolean(value, member) || fault(faults, setting, value, "true or false");
	case SETTING_CHOICE:
		return store_choice(member, setting, value, faults);
	}
	return false;
}

/* The content of a secret's file without its trailing newline, or NULL and errno. */
static char *read_secret_file(const char *path)
{
	char *content = memory_allocate(SECRET_FILE_MAX + 1, 1);
	size_t length = 0;
	ssize_t got = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && length < SECRET_FILE_MAX) {
		got = read(fd, content + length, SECRET_FILE_MAX - length);
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	if (fd >= 0)
		close(fd);
	if (got != 0) {
		if (fd >= 0 && got > 0)
			errno = EFBIG;
		explicit_bzero(content, length);
		free(content);
		return NULL;
	}
	if (length && content[length - 1] == '\n')
		length--;
	if (length && content[length - 1] == '\r')
		length--;
	explicit_bzero(content + length, 2);
	return content;
}

/* True and *value if the setting is given; an empty variable counts as not given. */
static bool find_given(const struct setting *setting, char **value, struct text *faults)
{
	char file_variable[80];
	const char *given = getenv(setting->name);
	const char *path = NULL;

	if (setting->secret) {
		snprintf(file_variable, sizeof file_variable, "%s_FILE", setting->name);
		path = getenv(file_variable);
	}
	*value = given && *given ? memory_copy_text(given) : NULL;
	if (!path || !*path)
		return *value != NULL;
	if (*value) {
		text_append_format(faults, "%s and %s are both set: unset one of them\n",
			setting->name, file_variable);
		return true;
	}
	*value = read_secret_file(path);
	if (!*value)
		text_append_format(faults, "%s names %s, which cannot be read: %s\n", file_variable,
			path, strerror(errno));
	else if (!**value)
		text_append_format(faults, "%s names %s, which is empty\n", file_variable, path);
	return true;
}

static void load_setting(struct config *config, const struct setting *setting, enum program program,
	struct text *faults)
{
	size_t faults_before = faults->length;
	char *value = NULL;

	if (setting->standard)
		store(config, setting, setting->standard, faults);
	if (!(setting->users & program))
		return;
	if (!find_given(setting, &value, faults)) {
		if (setting->required & program)
			text_append_format(faults, "%s is not set%s%s%s: %s\n", setting->name,
				setting->secret ? ", nor is " : "",
				setting->secret ? setting->name : "",
				setting->secret ? "_FILE" : "", setting->help);
	} else if (faults->length == faults_before) {
		store(config, setting, value, faults);
	}
	memory_free_secret(value);
}

bool config_load(struct config *config, enum program program, struct text *faults)
{
	size_t faults_before = faults->length;

	*config = (struct config){0};
	for (size_t i = 0; i < config_table_length; i++)
		load_setting(config, &config_table[i], program, faults);
	if (faults->length == faults_before)
		return true;
	config_find_misspelt(faults);
	return false;
}

void config_warn_of_misspelt(void)
{
	struct text hints = {0};
	char *rest = NULL;

	if (config_find_misspelt(&hints))
		for (char *line = strtok_r(hints.data, "\n", &rest); line;
			line = strtok_r(NULL, "\n", &rest))
			log_warn("%s", line);
	text_finish(&hints);
}

static bool holds_text(const struct setting *setting)
{
	return setting->kind == SETTING_TEXT || setting->kind == SETTING_URL ||
	       setting->kind == SETTING_BASE_URL || setting->kind == SETTING_KEYS;
}

void config_finish(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config_table_length; i++) {
		char *member = (char *)config + config_table[i].member;

		if (holds_text(&config_table[i]))
			memory_free_secret(*(char **)(void *)member);
	}
	*config = (struct config){0};
}
