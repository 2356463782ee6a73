/* A whole authorized_keys file, as sshd and as the agent see it. Pure. */
#ifndef VASTAGENT_KEYS_VIEW_H
#define VASTAGENT_KEYS_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "keys/block.h"
#include "keys/key_index.h"
#include "keys/line.h"

struct buffer;
struct store;

/* Lines without a key let nobody in; of more than this many the rest is only counted. */
#define VIEW_JUNK_MAX 1000

/* A line that is neither blank nor a comment. */
struct view_line {
	long number;   /* in the file, from 1 */
	size_t offset; /* of its first byte */
	size_t length; /* without the newline */
	bool in_block; /* between the agent's markers */
	struct key_line parsed;
	size_t next; /* line + 1 of the next one with the same key, 0 for none */
};

struct view {
	const char *text; /* the caller's; must outlive the view */
	size_t length;
	struct block block;
	struct view_line *lines;
	size_t count;
	struct key_index index; /* the first line of each key */
	size_t junk; /* lines without a key that were left out of .lines: see VIEW_JUNK_MAX */
};

/* Parses text; store_id tells which block is the agent's. Returns 0, or -1 if out of
 * memory. Release with view_free in any case. */
int view_parse(const char *text, size_t length, const char *store_id, struct view *view);

/*
 * Appends the text without what the agent wrote. Lines between the markers whose keys
 * the store does not know are somebody else's: they are kept.
 * Returns 0, or -1 if out of memory.
 */
int view_foreign_text(const struct view *view, const struct store *store, struct buffer *foreign);

/* The first line with the key that sshd can take: outside the block only if foreign. */
const struct view_line *view_find(
	const struct view *view, const struct store *store, const struct pubkey *key, bool foreign);

/* The first line that is not the agent's and lets the key in at this time. */
const struct view_line *view_find_other(
	const struct view *view, const struct store *store, const struct pubkey *key, time_t now);

/* Whether a line lets its own key in at this time. */
bool view_lets_in(const struct view_line *line, time_t now);

void view_free(struct view *view);

#endif
