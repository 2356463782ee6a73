#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int text_number(const char *text, long low, long high, long *value)
{
	char *end = NULL;
	long number;

	/* strtol(3) takes leading space and a sign; a number here has neither. */
	if (!text || !isdigit((unsigned char)text[0]))
		return -1;
	errno = 0;
	number = strtol(text, &end, 10);
	if (errno || *end || number < low || number > high)
		return -1;
	*value = number;
	return 0;
}

static bool is_continuation(const char *text, size_t at, size_t length)
{
	return at < length && ((unsigned char)text[at] & 0xc0) == 0x80;
}

static uint32_t decode(const char *text, size_t size)
{
	static const unsigned char lead_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t point = (unsigned char)text[0] & lead_mask[size];

	for (size_t i = 1; i < size; i++)
		point = point << 6 | ((unsigned char)text[i] & 0x3f);
	return point;
}

size_t text_utf8_length(const char *text, size_t length)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char lead = length ? (unsigned char)text[0] : 0x80;
	size_t size = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	uint32_t point;

	if (size == 0 || lead > 0xf4)
		return 0;
	for (size_t i = 1; i < size; i++)
		if (!is_continuation(text, i, length))
			return 0;
	point = decode(text, size);
	if (point < smallest[size] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	return size;
}

/* Code points that end a line, are controls, or reorder what is shown. */
static bool breaks_a_line(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x2028 ||
	       point == 0x2029 || point == 0x200e || point == 0x200f || point == 0x061c ||
	       (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

/* Length of the character at text if it can be shown as it is, else 0. */
static size_t visible_length(const char *text, size_t length)
{
	size_t size = text_utf8_length(text, length);

	return size && !breaks_a_line(decode(text, size)) ? size : 0;
}

size_t text_visible(char *out, size_t size, const char *text, size_t length)
{
	size_t used = 0, step;

	for (size_t i = 0; i < length; i += step ? step : 1) {
		step = visible_length(text + i, length - i);
		if (used + (step ? step : 4) >= size)
			break;
		if (step) {
			memcpy(out + used, text + i, step);
			used += step;
		} else {
			used += (size_t)snprintf(
				out + used, size - used, "\\x%02x", (unsigned char)text[i]);
		}
	}
	if (size)
		out[used] = '\0';
	return used;
}

bool text_is_visible(const char *text, size_t length)
{
	size_t step;

	for (size_t i = 0; i < length; i += step) {
		step = visible_length(text + i, length - i);
		if (!step)
			return false;
	}
	return true;
}

unsigned text_columns(const char *text, size_t length)
{
	/* The blocks; single characters among them are not worth a table. */
	static const struct {
		uint32_t first, last;
		unsigned columns;
	} blocks[] = {
		{0x0300, 0x036f, 0},
		{0x1100, 0x115f, 2},
		{0x200b, 0x200d, 0},
		{0x20d0, 0x20f0, 0},
		{0x2e80, 0xa4cf, 2},
		{0xac00, 0xd7a3, 2},
		{0xf900, 0xfaff, 2},
		{0xfe00, 0xfe0f, 0},
		{0xfe30, 0xfe6f, 2},
		{0xff01, 0xff60, 2},
		{0xffe0, 0xffe6, 2},
		{0x1f300, 0x1f64f, 2},
		{0x1f680, 0x1f6ff, 2},
		{0x1f900, 0x1faff, 2},
		{0x20000, 0x3fffd, 2},
	};
	size_t size = text_utf8_length(text, length);
	uint32_t point = size ? decode(text, size) : 0;

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		if (point >= blocks[i].first && point <= blocks[i].last)
			return blocks[i].columns;
	return 1;
}

char *text_time(char *out, size_t size, time_t when)
{
	struct tm parts;

	if (!gmtime_r(&when, &parts) || !strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &parts))
		snprintf(out, size, "1970-01-01T00:00:00Z");
	return out;
}

int text_parse_time(const char *text, time_t *when)
{
	struct tm parts = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts);

	if (!end || *end)
		return -1;
	*when = timegm(&parts);
	return 0;
}

int text_parse_duration(const char *text, long *seconds)
{
	static const struct {
		char unit;
		long seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	const long limit = 10L * 366 * 86400;
	size_t digits = text ? strspn(text, "0123456789") : 0;
	char number[16];
	long count;

	if (!digits || digits >= sizeof(number) || strlen(text) != digits + 1)
		return -1;
	memcpy(number, text, digits);
	number[digits] = '\0';
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (text[digits] != units[i].unit)
			continue;
		if (text_number(number, 1, limit / units[i].seconds, &count) != 0)
			return -1;
		*seconds = count * units[i].seconds;
		return 0;
	}
	return -1;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int text_percent_decode(char *text)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		int high, low;

		if (*in != '%') {
			*out++ = *in;
			continue;
		}
		high = hex_digit(in[1]);
		low = high < 0 ? -1 : hex_digit(in[2]);
		if (low < 0 || (high == 0 && low == 0))
			return -1;
		*out++ = (char)(high << 4 | low);
		in += 2;
	}
	*out = '\0';
	return 0;
}
