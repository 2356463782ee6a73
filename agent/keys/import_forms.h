/*
 * The forms of a key that take several lines: PEM, RFC 4716, PuTTY's files. Pure; used
 * by import.c only.
 */
#ifndef VASTAGENT_KEYS_IMPORT_FORMS_H
#define VASTAGENT_KEYS_IMPORT_FORMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

struct error;

enum import_form {
	IMPORT_FORM_LINE, /* none of these: a line as in authorized_keys */
	IMPORT_FORM_PEM,
	IMPORT_FORM_RFC4716,
	IMPORT_FORM_PUTTY,
};

/* One key that was taken out of such a form. */
struct import_block {
	size_t length;         /* of the text that it took, also if it is refused */
	struct buffer base64;  /* of the key as SSH writes it */
	struct buffer comment; /* as it stands there: any bytes but '\n' */
	const char *note;      /* what was done, a sentence */
};

/* The form that begins at text, behind blanks, quotes and a byte order mark. */
enum import_form import_form_of(const char *text, size_t length);

/* Length of a blank, a quote or a byte order mark at text; 0 if there is none. */
size_t import_lead_length(const char *text, size_t length);

/* True if one begins anywhere in the text. */
bool import_form_within(const char *text, size_t length);

/*
 * Each of them reads the form that begins at text. Returns 0, or -1 with ERROR_BAD_KEY
 * or ERROR_INTERNAL. Release *block with import_block_free in any case.
 */
int import_pem(const char *text, size_t length, struct import_block *block, struct error *error);
int import_rfc4716(
	const char *text, size_t length, struct import_block *block, struct error *error);
int import_putty(const char *text, size_t length, struct import_block *block, struct error *error);

/*
 * The private part of the PuTTY file that begins at text, from behind its public part
 * to its end. Returns 0, with *length 0 if it holds none; or -1 if it is not exactly as
 * PuTTY writes it, so that nobody can tell where the secret ends.
 */
int import_putty_private(const char *text, size_t length, size_t *begin, size_t *private_length);

void import_block_free(struct import_block *block);

/* A line of the text at *at, without its end and blanks around it; false at the end. */
struct import_slice {
	const char *text;
	size_t length;
};
bool import_next_line(const char *text, size_t length, size_t *at, struct import_slice *line);

/* True if the line is base64 and nothing else. */
bool import_is_base64(const struct import_slice *line);

#endif
