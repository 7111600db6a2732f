/* SPDX-License-Identifier: MIT */
/*
 * A forecast in words, and as JSON: for `syncctl forecast` and the producer's --dry-run alike. Threads:
 * any.
 */
#ifndef COMMON_FORECAST_TEXT_H
#define COMMON_FORECAST_TEXT_H

#include "common/forecast_read.h"
#include "common/text.h"

void forecast_append_text(const struct forecast_report *report, struct text *out);
void forecast_append_json(const struct forecast_report *report, struct text *out);

/* "2 h 15 min", "40 s". */
void forecast_append_duration(int64_t seconds, struct text *out);

#endif
