/* A key that a terminal or a mail program broke into pieces. Pure; for import_line.c. */
#ifndef VASTAGENT_KEYS_IMPORT_JOIN_H
#define VASTAGENT_KEYS_IMPORT_JOIN_H

#include <stddef.h>

#include "base/buffer.h"

struct import_join {
	struct buffer text; /* the line put together */
	size_t beyond;      /* bytes that it took behind its first line */
	long lines;         /* newlines among them */
};

/*
 * Tries to read the line of length bytes at text, which is no key by itself, as the
 * beginning of a key whose rest follows, in the line or in the next ones of the left
 * bytes. The pieces are joined only if the result is exactly one key, which none of
 * them is by itself. A blob says how long each of its fields is, so there is at most
 * one such end.
 * Returns 1 if it is one, 0 if not, -1 if out of memory; join->text is the caller's.
 */
int import_join(const char *text, size_t length, size_t left, struct import_join *join);

#endif
