/* SPDX-License-Identifier: MIT */
/*
 * Allocation that ends the process instead of failing. Used by every thread.
 */
#include "common/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_die(void *memory)
{
	if (memory)
		return memory;
	fputs("storesync: out of memory\n", stderr);
	abort();
}

void *memory_allocate(size_t count, size_t size_bytes)
{
	return or_die(calloc(count ? count : 1, size_bytes ? size_bytes : 1));
}

void *memory_resize(void *memory, size_t count, size_t size_bytes)
{
	return or_die(reallocarray(memory, count ? count : 1, size_bytes ? size_bytes : 1));
}

char *memory_copy_text(const char *text)
{
	return text ? memory_copy_bytes(text, strlen(text)) : NULL;
}

char *memory_copy_bytes(const void *bytes, size_t length)
{
	char *copy = memory_allocate(length + 1, 1);

	if (length)
		memcpy(copy, bytes, length);
	return copy;
}

void memory_free_secret(char *secret)
{
	if (!secret)
		return;
	explicit_bzero(secret, strlen(secret));
	free(secret);
}
