/* What people paste, turned into keys. Pure. */
#ifndef VASTAGENT_KEYS_IMPORT_H
#define VASTAGENT_KEYS_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "keys/index.h"
#include "keys/options.h"
#include "keys/pubkey.h"

struct import_key {
	struct pubkey key;
	char *options; /* "" for none */
	char *comment; /* printable, on one line; "" for none */
	struct key_options parsed;
	long line; /* of the pasted text, from 1 */
};

struct import_reject {
	long line;
	struct error error;
};

struct import {
	struct import_key *keys;
	size_t key_count;
	struct key_index index; /* of .keys */
	struct import_reject *rejects;
	size_t reject_count;
	struct buffer notes; /* what was repaired: sentences, each ends in '\n' */
};

/*
 * Reads keys from text: lines as in authorized_keys, comments, blank lines; a bare base64
 * blob; quotes around a line or around all; CRLF, lone CRs, a byte order mark, UTF-16;
 * RFC 4716, PEM public keys, the public part of a PuTTY file; a key that was broken over
 * several lines. With separators, ';' and a literal "\n" end a line too: form fields of
 * the platform take one line. Every line that is neither a key nor blank nor a comment is
 * in .rejects (the first 50, and one that says so). sodium_init(3) must have been called.
 *
 * The result holds exactly the keys that the text names: no byte of a comment or an
 * option can start a second line. Returns 0, or -1 with ERROR_INTERNAL (out of memory),
 * ERROR_PRIVATE_KEY (the whole text is refused) or ERROR_BAD_KEY (no key in it at all).
 * Release *import with import_free in any case. No copy of the text outlives the call.
 */
int import_parse(const char *text, size_t length, bool separators, struct import *import,
	struct error *error);

/* Releases what an import holds. */
void import_free(struct import *import);

#endif
