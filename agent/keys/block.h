/*
 * The block: the agent's own lines in an authorized_keys file, between two comments.
 *
 *   # BEGIN vastagent ID GENERATION [joined]; …words for people…
 *   ssh-ed25519 AAAA… alice
 *   # END vastagent ID
 *
 * ID is the store's: a copy of a block that another store wrote is foreign lines.
 * GENERATION is raised at each write. "joined" says that the newline before BEGIN is
 * the agent's too, so that taking the block out gives back the exact foreign bytes.
 */
#ifndef VASTAGENT_KEYS_BLOCK_H
#define VASTAGENT_KEYS_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

struct buffer;

/* Hexadecimal digits of an ID, and a NUL. */
#define BLOCK_ID_SIZE 17

struct block {
	bool found;
	unsigned long generation;
	bool joined;
	/* Offsets into the file's text; end is behind the newline of END. */
	size_t begin, lines, lines_end, end;
};

/* Finds the last whole block with this id. Pure. */
void block_find(const char *text, size_t length, const char *id, struct block *block);

/*
 * Appends the text around the block to *foreign: the file as it is without the agent.
 * Where something follows the block, the newline before it stays: without it two lines
 * of other people would become one.
 */
int block_take_out(
	const char *text, size_t length, const struct block *block, struct buffer *foreign);

/*
 * Appends to foreign text a block of lines (each ends in a newline); no lines, no block.
 * Returns 0, or -1 if out of memory.
 */
int block_append(
	struct buffer *text, const char *id, unsigned long generation, const struct buffer *lines);

#endif
