/* SPDX-License-Identifier: MIT */
/*
 * Rows in order, to find what stands among them twice. Pure. Threads: the main thread alone.
 */
#ifndef OPERATOR_IMPORT_ORDER_H
#define OPERATOR_IMPORT_ORDER_H

#include "operator/import_rows.h"

/* A TikTok account that stands there twice would end its own grant: a fault, wherever its stores. */
void import_rows_find_repeated(struct import_rows *rows);

#endif
