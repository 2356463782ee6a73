/* One line of authorized_keys, meaning what it means to sshd. Pure. */
#ifndef VASTAGENT_KEYS_LINE_H
#define VASTAGENT_KEYS_LINE_H

#include <stddef.h>

#include "base/error.h"
#include "keys/options.h"
#include "keys/pubkey.h"

enum key_line_kind {
	KEY_LINE_BLANK,
	KEY_LINE_COMMENT,
	KEY_LINE_KEY,     /* .key and .options hold what it says */
	KEY_LINE_INVALID, /* sshd drops it; .error says why */
};

struct key_line {
	enum key_line_kind kind;
	/* Slices of the caller's text. */
	const char *options_text;
	size_t options_length;
	const char *comment;
	size_t comment_length;
	struct pubkey key;
	struct key_options options;
	struct error error;
};

/*
 * Parses the length bytes of a line, without its newline; a NUL ends it, as it does for
 * sshd. A line can have bad options and a good key: it is invalid then, with .key set,
 * so that a copy of the key can still be named. Release with key_line_free.
 */
void key_line_parse(const char *text, size_t length, struct key_line *line);

void key_line_free(struct key_line *line);

/* The length of the word that text begins with: up to a space, a tab or the end. */
size_t key_line_word(const char *text, size_t length);

#endif
