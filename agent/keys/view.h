/* A whole authorized_keys file, as sshd and as the agent see it. Pure. */
#ifndef VASTAGENT_KEYS_VIEW_H
#define VASTAGENT_KEYS_VIEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "keys/block.h"
#include "keys/index.h"
#include "keys/line.h"

struct buffer;
struct store;

/* A line that is neither blank nor a comment. */
struct view_line {
	long number;   /* in the file, from 1 */
	size_t offset; /* of its first byte */
	size_t length; /* without the newline */
	bool in_block; /* between the agent's markers */
	struct key_line parsed;
};

struct view {
	const char *text; /* the caller's; must outlive the view */
	size_t length;
	struct block block;
	struct key_index index; /* of the lines that may hold a key: their offsets */
	/* The caller's, or NULL: becomes true if memory was out when a line was to be read, which
	 * is then missing in what was found. */
	atomic_bool *unread;
};

/* Finds the agent's block by store_id; "" is no store's. Release with view_free. */
void view_begin(const char *text, size_t length, const char *store_id, struct view *view);

/* Notes where each key stands, which view_find needs. Returns 0, or -1 if out of memory
 * (a text of 4 GiB or more, too). */
int view_index(struct view *view);

/* Prepares for so many calls of view_find. Returns 0, or -1 if out of memory. */
int view_expect(struct view *view, size_t finds);

/* A walk over the lines; begin with {.end = view->length}, or with view_part. */
struct view_walk {
	size_t next, end; /* both where a line begins, or the text ends */
	long number;      /* of the line before .next */
};

/* One of several parts of about the same size, which together are the whole text. */
struct view_walk view_part(const struct view *view, size_t part, size_t parts);

/*
 * The next line, in place of what *line held (zero it at first). Returns false at the
 * end; whoever stops before that releases the line with view_line_free.
 */
bool view_next(const struct view *view, struct view_walk *walk, struct view_line *line);

/*
 * Appends the text without what the agent wrote. Lines between the markers whose keys
 * the store does not know are somebody else's: they are kept.
 * Returns 0, or -1 if out of memory.
 */
int view_foreign_text(const struct view *view, const struct store *store, struct buffer *foreign);

/*
 * The first line with the key that sshd can take: outside the block only if foreign.
 * Returns whether there is one; *line (NULL: not wanted) is then to be released with
 * view_line_free.
 */
bool view_find(const struct view *view, const struct store *store, const struct pubkey *key,
	bool foreign, struct view_line *line);

/* As view_find: the first line that is not the agent's and has other options. */
bool view_find_unlike(const struct view *view, const struct store *store, const struct pubkey *key,
	const char *options, struct view_line *line);

/* As view_find: the first line that is not the agent's and lets the key in at this time. */
bool view_find_other(const struct view *view, const struct store *store, const struct pubkey *key,
	time_t now, struct view_line *line);

/* Whether a line lets its own key in at this time. */
bool view_lets_in(const struct view_line *line, time_t now);

void view_line_free(struct view_line *line);
void view_free(struct view *view);

#endif
