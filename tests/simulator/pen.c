/* SPDX-License-Identifier: MIT */
/*
 * Text into fixed arrays. No state, no locks.
 */
#include "tests/simulator/pen.h"

struct pen pen_on(char *array, size_t size_bytes)
{
	array[0] = '\0';
	return (struct pen){.start = array, .at = array, .end = array + size_bytes};
}

void pen_bytes(struct pen *pen, const char *bytes, size_t length)
{
	size_t room = (size_t)(pen->end - pen->at) - 1;

	if (length > room) {
		length = room;
		/* A continuation byte must not become the first one that is missing. */
		while (length && ((unsigned char)bytes[length] & 0xc0) == 0x80)
			length--;
	}
	memcpy(pen->at, bytes, length);
	pen->at += length;
	*pen->at = '\0';
}

void pen_number(struct pen *pen, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	pen_bytes(pen, digits + at, sizeof(digits) - at);
}

void pen_hex(struct pen *pen, uint64_t number, int digits)
{
	char text[16];

	for (int i = digits - 1; i >= 0; i--, number >>= 4)
		text[i] = "0123456789abcdef"[number & 15];
	pen_bytes(pen, text, (size_t)digits);
}

bool pen_read_hex(const char *text, int digits, uint64_t *number)
{
	uint64_t value = 0;

	for (int i = 0; i < digits; i++) {
		char c = text[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	*number = value;
	return true;
}
