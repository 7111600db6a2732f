/* SPDX-License-Identifier: MIT */
/*
 * What makes dead letters of one cause look alike: their error text without what differs from one
 * to the next. Threads: any.
 */
#ifndef OPERATOR_DEAD_FINGERPRINT_H
#define OPERATOR_DEAD_FINGERPRINT_H

#include "common/text.h"

/*
 * Append error_text with numbers as "#", ids (UUIDs, long hex, long words of letters and digits,
 * whatever follows "log_id") as "<id>" and quoted values as "...", on one line, cut at 160 bytes.
 *
 *     HTTP status 503 (log_id 20260101ABC)  ->  HTTP status # (log_id <id>)
 */
void dead_fingerprint(const char *error_text, struct text *out);

#endif
