/*
 * The platform's own tmux block in a shell's start-up file, and the one condition that
 * makes it stand back: pure text work.
 *
 * The condition reads `[ ! -x BINARY ] && ` at the head of the block's `if`. Once the
 * binary is gone it is true, so the platform's behaviour comes back by itself.
 */
#ifndef VASTAGENT_LOGIN_SUPERSEDE_H
#define VASTAGENT_LOGIN_SUPERSEDE_H

#include <stddef.h>

struct buffer;

enum supersede_outcome {
	SUPERSEDE_NOTHING,    /* nothing to do; *out is empty */
	SUPERSEDE_CHANGED,    /* *out holds the new text */
	SUPERSEDE_LEFT_ALONE, /* a block is there, but no `if` that could be changed soundly */
	SUPERSEDE_FAILED,     /* out of memory, or a path that would need quotes */
};

/*
 * Inserts the condition for the program binary (an absolute path of letters, digits
 * and /._+-) wherever it is missing. A block is an uncommented line that mentions both
 * tmux and ssh_tmux; its `if` begins at most five lines above. Not touched: an `if`
 * whose tmux stands behind its `else` or `elif`, and conditions joined by anything but
 * `&&`, since the new one would then change more than it should.
 * Running it on its own result is SUPERSEDE_NOTHING.
 */
enum supersede_outcome supersede_insert(
	const char *text, size_t length, const char *binary, struct buffer *out);

/* The exact inverse: takes the condition out wherever it heads an `if`. */
enum supersede_outcome supersede_remove(
	const char *text, size_t length, const char *binary, struct buffer *out);

#endif
