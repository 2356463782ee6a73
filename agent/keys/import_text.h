/* Encodings and line ends of pasted text. Pure. */
#ifndef VASTAGENT_KEYS_IMPORT_TEXT_H
#define VASTAGENT_KEYS_IMPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct buffer;
struct error;

/*
 * Appends the text to *out as lines of UTF-8 that end in '\n': a byte order mark is
 * taken off, UTF-16 is decoded (with a mark, or where every second byte is NUL), lone
 * CRs end lines if the text has no other ends, and a PEM, RFC 4716 or PuTTY key on one
 * line with a literal "\n" in it gets its lines back. What was repaired is appended to
 * *notes. *out never moves a byte that it held, so that it can be wiped.
 * Returns 0, or -1 with ERROR_INTERNAL or ERROR_BAD_KEY (bytes that are no text).
 */
int import_text_decode(const char *text, size_t length, bool separators, struct buffer *out,
	struct buffer *notes, struct error *error);

/* Zeroes what the buffer holds, and frees it. */
void import_text_wipe(struct buffer *text);

#endif
