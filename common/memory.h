/* SPDX-License-Identifier: MIT */
/*
 * Allocation that does not fail: a process without memory ends, and because every step of a job
 * is safe against kill -9, ending loses nothing. Callers therefore never check for NULL.
 */
#ifndef COMMON_MEMORY_H
#define COMMON_MEMORY_H

#include <stddef.h>

/* Zeroed memory; never NULL. Owns: the caller frees with free(). */
void *memory_allocate(size_t count, size_t size_bytes);
/* Grow or shrink, as realloc(); the new part is not zeroed. */
void *memory_resize(void *memory, size_t count, size_t size_bytes);
/* A copy of a string; NULL gives NULL. */
char *memory_copy_text(const char *text);
/* A terminated copy of the first length bytes. */
char *memory_copy_bytes(const void *bytes, size_t length);
/* free() after wiping; for strings that hold secrets. NULL: nothing to do. */
void memory_free_secret(char *secret);

#endif
