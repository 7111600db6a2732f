/* SPDX-License-Identifier: MIT */
/*
 * What happens to the words of a log line before they are written: secrets are masked, and bytes
 * that would break the line or fool its reader are escaped. Threads: any; no state.
 */
#ifndef COMMON_LOG_MASK_H
#define COMMON_LOG_MASK_H

#include <stdbool.h>
#include <stddef.h>

#define LOG_ESCAPED_SIZE 16

/*
 * Copy a message, with *** in place of what looks like a secret: TikTok's tokens (act. and rft.),
 * what follows "Bearer " or the name of a secret parameter, the password of a URL. What does not
 * fit is cut.
 */
void log_mask(const char *message, char *masked, size_t size_bytes);

/*
 * Write one character of a string, escaped where it has to be, and return where the next one
 * begins. Bytes that are no UTF-8 become U+FFFD; control and bidirectional characters become \u
 * escapes; quotes and backslashes are escaped only when quoted.
 */
const char *log_escape(const char *string, bool quoted, char escaped[LOG_ESCAPED_SIZE]);

#endif
