/* SPDX-License-Identifier: MIT */
/*
 * The proxy's words: a line is a command, a table of verbs and one of toxics. The thread that gives
 * the orders.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "tests/chaos/chaos.h"

#define WORDS_MAX 16

static const struct {
	const char *name;
	size_t offset;
	const char *help;
} toxics_table[] = {
	{"latency_ms", offsetof(struct chaos_toxics, latency_ms), "bytes come so much later"},
	{"jitter_ms", offsetof(struct chaos_toxics, jitter_ms),
		"... by chance up to so much more or less"},
	{"bandwidth", offsetof(struct chaos_toxics, bandwidth),
		"bytes per second of a connection; 0: no limit"},
	{"slice", offsetof(struct chaos_toxics, slice),
		"bytes that are written at once; 0: no limit"},
	{"slice_delay_us", offsetof(struct chaos_toxics, slice_delay_us),
		"pause between two slices"},
	{"hold", offsetof(struct chaos_toxics, hold),
		"1: half-open: nothing is read or written; of one direction: one-way"},
	{"swallow", offsetof(struct chaos_toxics, swallow),
		"1: what is sent is lost; the connection is reset when this ends"},
	{"reset_after", offsetof(struct chaos_toxics, reset_after),
		"reset each connection when so many more bytes have passed"},
};
#define TOXICS (sizeof toxics_table / sizeof toxics_table[0])

static bool read_number(const char *word, int64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoll(word, &end, 10);
	return errno == 0 && end != word && *end == '\0' && *number >= 0;
}

/* "name=number" */
static bool read_toxic(char *word, struct chaos_toxics *toxics)
{
	char *equals = strchr(word, '=');
	int64_t number;

	if (!equals || !read_number(equals + 1, &number))
		return false;
	*equals = '\0';
	for (size_t i = 0; i < TOXICS; i++) {
		if (strcmp(toxics_table[i].name, word) != 0)
			continue;
		memcpy((char *)toxics + toxics_table[i].offset, &number, sizeof number);
		return true;
	}
	return false;
}

static bool set_toxics(struct chaos *chaos, char *const words[], struct text *reply)
{
	struct chaos_toxics toxics[CHAOS_DIRECTIONS];
	bool server = words[0] && strcmp(words[0], "to-client") != 0;
	bool client = words[0] && strcmp(words[0], "to-server") != 0;

	if (!words[0] || (server && client && strcmp(words[0], "both") != 0) || !words[1])
		return false;
	chaos_get(chaos, CHAOS_TO_SERVER, &toxics[CHAOS_TO_SERVER]);
	chaos_get(chaos, CHAOS_TO_CLIENT, &toxics[CHAOS_TO_CLIENT]);
	for (int i = 1; words[i]; i++) {
		char *again = memory_copy_text(words[i]);
		bool ok = (!server || read_toxic(words[i], &toxics[CHAOS_TO_SERVER])) &&
			  (!client || read_toxic(again, &toxics[CHAOS_TO_CLIENT]));

		free(again);
		if (!ok)
			return false;
	}
	if (server)
		chaos_set(chaos, CHAOS_TO_SERVER, &toxics[CHAOS_TO_SERVER]);
	if (client)
		chaos_set(chaos, CHAOS_TO_CLIENT, &toxics[CHAOS_TO_CLIENT]);
	return true;
}

static bool move_door(struct chaos *chaos, char *const words[], struct text *reply)
{
	static const char *const names[] = {
		[CHAOS_OPEN] = "open", [CHAOS_SILENT] = "silent", [CHAOS_REFUSE] = "refuse"};

	for (size_t i = 0; words[0] && i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(names[i], words[0]) == 0 && !words[1]) {
			chaos_set_door(chaos, (enum chaos_door)i);
			return true;
		}
	}
	return false;
}

static bool reset(struct chaos *chaos, char *const words[], struct text *reply)
{
	chaos_reset(chaos);
	return true;
}

static bool heal(struct chaos *chaos, char *const words[], struct text *reply)
{
	chaos_heal(chaos);
	return true;
}

static bool print_stats(struct chaos *chaos, char *const words[], struct text *reply)
{
	struct chaos_stats stats;

	chaos_read_stats(chaos, &stats);
	text_append_format(reply,
		"accepted=%" PRId64 " open=%" PRId64 " resets=%" PRId64 " to_server=%" PRId64
		" to_client=%" PRId64 "\n",
		stats.accepted, stats.open, stats.resets, stats.passed[CHAOS_TO_SERVER],
		stats.passed[CHAOS_TO_CLIENT]);
	return true;
}

static const struct {
	const char *verb;
	const char *arguments;
	const char *help;
	bool (*act)(struct chaos *chaos, char *const words[], struct text *reply);
} verbs[] = {
	{"set", "to-server|to-client|both TOXIC=N...", "do harm to a direction", set_toxics},
	{"door", "open|silent|refuse", "what meets new connections", move_door},
	{"reset", "", "reset every open connection", reset},
	{"heal", "", "do no more harm, open the door", heal},
	{"stats", "", "print figures", print_stats},
};
#define VERBS (sizeof verbs / sizeof verbs[0])

static void act(struct chaos *chaos, char *const words[], struct text *reply)
{
	for (size_t i = 0; i < VERBS; i++) {
		if (strcmp(verbs[i].verb, words[0]) != 0)
			continue;
		if ((*verbs[i].arguments || !words[1]) && verbs[i].act(chaos, words + 1, reply))
			text_append(reply, "ok\n");
		else
			text_append_format(
				reply, "error: it is: %s %s\n", verbs[i].verb, verbs[i].arguments);
		return;
	}
	text_append_format(reply, "error: there is no command %s\n", words[0]);
}

void chaos_command(struct chaos *chaos, const char *line, struct text *reply)
{
	char *copy = memory_copy_text(line), *rest = NULL;
	char *words[WORDS_MAX + 1] = {NULL};
	int count = 0;

	for (char *word = strtok_r(copy, " \t\r\n", &rest); word && count < WORDS_MAX;
		word = strtok_r(NULL, " \t\r\n", &rest))
		words[count++] = word;
	if (count > 0)
		act(chaos, words, reply);
	free(copy);
}

void chaos_print_commands(struct text *help)
{
	for (size_t i = 0; i < VERBS; i++)
		text_append_format(help, "  %s %s\n      %s\n", verbs[i].verb, verbs[i].arguments,
			verbs[i].help);
	text_append(help, "\nToxics, of one direction; 0 ends one:\n");
	for (size_t i = 0; i < TOXICS; i++)
		text_append_format(
			help, "  %s\n      %s\n", toxics_table[i].name, toxics_table[i].help);
}
