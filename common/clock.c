/* SPDX-License-Identifier: MIT */
/*
 * The two clocks, and moments as RFC 3339 text. No state; any thread.
 */
#include "common/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DURATION_MAX_S (INT64_C(10) * 366 * 86400)
#define SECOND_US      1000000LL
/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z: what four digits of a year can say. */
#define FIRST_US (-62135596800LL * SECOND_US)
#define LAST_US  (253402300800LL * SECOND_US - 1)

int64_t clock_monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_unix_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

void clock_format(int64_t unix_us, char text[CLOCK_TEXT_SIZE])
{
	char day_and_time[20];
	int64_t micros;
	time_t seconds;
	struct tm utc;

	if (unix_us < FIRST_US)
		unix_us = FIRST_US;
	if (unix_us > LAST_US)
		unix_us = LAST_US;
	micros = unix_us % SECOND_US;
	if (micros < 0)
		micros += SECOND_US;
	seconds = (time_t)((unix_us - micros) / SECOND_US);
	gmtime_r(&seconds, &utc);
	strftime(day_and_time, sizeof day_and_time, "%Y-%m-%dT%H:%M:%S", &utc);
	/* glibc does not pad %Y, and years below 1000 have to have four digits. */
	snprintf(text, CLOCK_TEXT_SIZE, "%04u%s.%06uZ", (unsigned)(utc.tm_year + 1900) % 10000,
		strchr(day_and_time, '-'), (unsigned)micros % 1000000);
}

/* Read exactly count digits and step over them. */
static bool read_digits(const char **text, int count, int *number)
{
	int value = 0;

	for (int i = 0; i < count; i++) {
		unsigned char digit = (unsigned char)(*text)[i];

		if (!isdigit(digit))
			return false;
		value = value * 10 + (digit - '0');
	}
	*text += count;
	*number = value;
	return true;
}

static bool read_char(const char **text, char c)
{
	if (toupper((unsigned char)**text) != c)
		return false;
	(*text)++;
	return true;
}

static bool is_leap_year(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool read_day(const char **text, struct tm *utc)
{
	static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day;

	if (!read_digits(text, 4, &year) || !read_char(text, '-') ||
		!read_digits(text, 2, &month) || !read_char(text, '-') ||
		!read_digits(text, 2, &day))
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1)
		return false;
	if (day > month_days[month - 1] + (month == 2 && is_leap_year(year)))
		return false;
	utc->tm_year = year - 1900;
	utc->tm_mon = month - 1;
	utc->tm_mday = day;
	return true;
}

/* hour:minute:second; second 60 is a leap second and means the next minute's second 0. */
static bool read_time(const char **text, struct tm *utc)
{
	if (!read_digits(text, 2, &utc->tm_hour) || !read_char(text, ':') ||
		!read_digits(text, 2, &utc->tm_min) || !read_char(text, ':') ||
		!read_digits(text, 2, &utc->tm_sec))
		return false;
	return utc->tm_hour <= 23 && utc->tm_min <= 59 && utc->tm_sec <= 60;
}

static bool read_fraction(const char **text, int64_t *micros)
{
	int64_t unit = SECOND_US / 10;
	int digits = 0;

	*micros = 0;
	if (!read_char(text, '.'))
		return true;
	for (; isdigit((unsigned char)**text); (*text)++, digits++, unit /= 10)
		*micros += (**text - '0') * unit;
	return digits >= 1 && digits <= 9;
}

static bool read_offset(const char **text, int64_t *offset_us)
{
	int hours, minutes, sign;

	*offset_us = 0;
	if (read_char(text, 'Z'))
		return true;
	sign = **text == '-' ? -1 : 1;
	if (!read_char(text, '+') && !read_char(text, '-'))
		return false;
	if (!read_digits(text, 2, &hours) || !read_char(text, ':') ||
		!read_digits(text, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*offset_us = ((int64_t)hours * 60 + minutes) * 60 * SECOND_US * sign;
	return true;
}

bool clock_parse(const char *text, int64_t *unix_us)
{
	int64_t micros, offset_us, moment_us;
	struct tm utc = {0};

	if (!read_day(&text, &utc) || !read_char(&text, 'T') || !read_time(&text, &utc) ||
		!read_fraction(&text, &micros) || !read_offset(&text, &offset_us) || *text)
		return false;
	moment_us = (int64_t)timegm(&utc) * SECOND_US + micros - offset_us;
	if (moment_us < FIRST_US || moment_us > LAST_US)
		return false;
	*unix_us = moment_us;
	return true;
}

bool clock_is_day(const char *text)
{
	struct tm utc;

	return read_day(&text, &utc) && *text == '\0';
}

bool clock_parse_duration(const char *text, int64_t *seconds)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	size_t digits = strspn(text, "0123456789");
	int64_t number = 0;

	if (digits == 0 || digits > 9 || text[digits] == '\0' || text[digits + 1] != '\0')
		return false;
	for (size_t i = 0; i < digits; i++)
		number = number * 10 + (text[i] - '0');
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (text[digits] != units[i].unit)
			continue;
		if (number < 1 || number > DURATION_MAX_S / units[i].seconds)
			return false;
		*seconds = number * units[i].seconds;
		return true;
	}
	return false;
}
