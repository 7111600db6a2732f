/* SPDX-License-Identifier: MIT */
/*
 * Gathering dead letters. One thread.
 */
#include "operator/dead_list.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/process.h"
#include "operator/dead_status.h"

#define FIRST_CAPACITY 256

static void forget(struct dead_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		dead_letter_finish(&list->letters[i]);
	list->count = 0;
	dead_index_finish(&list->index);
}

static void begin(void *context)
{
	forget(context);
}

/* The letter of a message belongs to the pass. */
static void copy_letter(const struct dead_letter *from, struct dead_letter *to)
{
	*to = *from;
	to->error_class = memory_copy_text(from->error_class);
	to->error_text = memory_copy_text(from->error_text);
	to->fingerprint = memory_copy_text(from->fingerprint);
	to->worker = memory_copy_text(from->worker);
}

static void add(struct dead_list *list, const struct dead_letter *letter)
{
	size_t place;

	if (dead_index_find(&list->index, letter->dead_id, &place)) {
		list->letters[place].copies++;
		return;
	}
	if (list->count == list->capacity) {
		list->capacity = list->capacity > 0 ? 2 * list->capacity : FIRST_CAPACITY;
		list->letters = memory_resize(list->letters, list->capacity, sizeof *list->letters);
	}
	dead_index_put(&list->index, letter->dead_id, list->count);
	copy_letter(letter, &list->letters[list->count++]);
}

static enum dead_decision keep(void *context, const struct dead_message *message,
	struct dead_issue *issue, struct error *err)
{
	struct dead_list *list = context;

	add(list, &message->letter);
	if (list->visit)
		list->visit(list->visit_context, message);
	return DEAD_KEEP;
}

static int compare_deaths(const void *a, const void *b)
{
	const struct dead_letter *one = a, *other = b;

	if (one->died_at_us != other->died_at_us)
		return one->died_at_us < other->died_at_us ? -1 : 1;
	return strcmp(one->dead_id, other->dead_id);
}

static void sort(struct dead_list *list)
{
	if (list->count > 0)
		qsort(list->letters, list->count, sizeof *list->letters, compare_deaths);
	dead_index_finish(&list->index);
	for (size_t i = 0; i < list->count; i++)
		dead_index_put(&list->index, list->letters[i].dead_id, i);
}

bool dead_list_read(struct dead_session *session, struct dead_list *list, struct error *err)
{
	const struct dead_visitor visitor = {
		.context = list,
		.doing = "looking at the dead letters",
		.begin = begin,
		.decide = keep,
	};

	if (!dead_pass(session->config, &visitor, err))
		return false;
	if (process_is_stopping()) {
		error_set(err, ERROR_STOPPING, "told to stop; every message was kept");
		return false;
	}
	sort(list);
	return dead_list_refresh(session, list, err);
}

bool dead_list_refresh(struct dead_session *session, struct dead_list *list, struct error *err)
{
	return dead_status_read(session, list->letters, list->count, err);
}

void dead_list_finish(struct dead_list *list)
{
	forget(list);
	free(list->letters);
	list->letters = NULL;
	list->capacity = 0;
}
