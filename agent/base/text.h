/* Small conversions between text and values that the C library does loosely. */
#ifndef VASTAGENT_BASE_TEXT_H
#define VASTAGENT_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/*
 * A decimal number, digits only (no sign, space or base prefix), in low..high.
 * Returns 0, or -1 and leaves *value alone. NULL text is refused.
 */
int text_number(const char *text, long low, long high, long *value);

/*
 * Copies text so that it can be shown: a control byte, an invalid UTF-8 byte and
 * the code points that break or reorder a line (U+0080..U+009F, U+2028, U+2029, the
 * bidirectional controls) become \xHH. Cuts what does not fit, between characters.
 * The result is a string, and valid UTF-8. Returns its length.
 */
size_t text_visible(char *out, size_t size, const char *text, size_t length);

/*
 * Length in bytes of the valid UTF-8 sequence at text (1..4), by RFC 3629
 * (no overlong forms, no surrogates); 0 if there is none.
 */
size_t text_utf8_length(const char *text, size_t length);

/* True if nothing in the text would be changed by text_visible. */
bool text_is_visible(const char *text, size_t length);

/*
 * Columns of a terminal that the valid UTF-8 character at text takes: 2 for East Asian wide
 * ones and emoji, 0 for marks that are drawn over another (Unicode, TR 11), else 1.
 */
unsigned text_columns(const char *text, size_t length);

/* A time as RFC 3339 in UTC, "2026-11-22T07:13:00Z". Returns out. */
char *text_time(char *out, size_t size, time_t when);

/* The reverse: exactly that form. Returns 0, or -1. */
int text_parse_time(const char *text, time_t *when);

/*
 * A length of time: a number and a unit, s, m, h or d ("90s", "10m", "8h", "7d"), at
 * most 10 years. Returns 0 and *seconds, or -1.
 */
int text_parse_duration(const char *text, long *seconds);

/* Percent-decodes a path segment (RFC 3986 section 2.1; "+" stays a plus) in place.
 * Returns 0, or -1 if an escape is malformed or decodes to NUL. */
int text_percent_decode(char *text);

#endif
