/* One pasted line, with what people and programs put around a key. Pure; for import.c. */
#ifndef VASTAGENT_KEYS_IMPORT_LINE_H
#define VASTAGENT_KEYS_IMPORT_LINE_H

#include <stddef.h>

#include "base/buffer.h"
#include "keys/line.h"

enum import_repair {
	REPAIR_QUOTES = 1,  /* quotes around the line were taken off */
	REPAIR_TYPE = 2,    /* the type was read from the key */
	REPAIR_SPACES = 4,  /* no-break spaces became spaces */
	REPAIR_WRAPPED = 8, /* the key was broken into pieces */
	REPAIR_MARK = 16,   /* a byte order mark in front was taken off */
};

struct import_line {
	struct buffer text; /* as sshd would take it; .parsed points into it */
	struct key_line parsed;
	unsigned repairs; /* enum import_repair */
	long lines;       /* newlines in what it took, beyond its own */
	size_t length;    /* of the text that it took */
};

/*
 * Parses the line of length bytes at text, without its end. left bytes are at text in
 * all: what follows is looked at if the line is a key that was broken into pieces, and
 * left is length where that is not wanted. Returns 0, or -1 if out of memory. Release
 * with import_line_free in any case.
 */
int import_line_parse(const char *text, size_t length, size_t left, struct import_line *line);

/* Parses a key without its type, and a comment behind it. As import_line_parse. */
int import_line_from_blob(const char *base64, size_t length, const char *comment,
	size_t comment_length, struct import_line *line);

void import_line_free(struct import_line *line);

/* What was repaired, as sentences: "line N: …\n" each. */
void import_line_notes(const struct import_line *line, long number, struct buffer *notes);

/*
 * Takes one pair of quotes off that stands around the text. Returns 1, or 0 if there is
 * none. Knows typographic ones too.
 */
int import_strip_quotes(const char **text, size_t *length);

/* Says in *reason what else a line could be that is no key. */
void import_explain(const char *text, size_t length, struct error *reason);

#endif
