/* The chunked transfer coding (RFC 9112 section 7.1), undone while it comes. Pure. */
#ifndef VASTAGENT_CONTROL_CHUNKED_H
#define VASTAGENT_CONTROL_CHUNKED_H

#include <stddef.h>

enum chunked_state {
	CHUNKED_SIZE,      /* in the line that begins a chunk */
	CHUNKED_EXTENSION, /* in what may stand behind the size */
	CHUNKED_DATA,
	CHUNKED_DATA_END, /* the line's end behind the data */
	CHUNKED_TRAILER,  /* behind the last chunk: header lines, then an empty one */
	CHUNKED_OVER,
	CHUNKED_BROKEN,
};

struct chunked {
	enum chunked_state state;
	size_t left;     /* bytes of this chunk */
	unsigned digits; /* of its size that came; or letters of a trailer's line */
};

#define CHUNKED_START ((struct chunked){CHUNKED_SIZE, 0, 0})

/*
 * Takes the next length bytes, and leaves at data, in their place, those that belong to the
 * body. Returns how many. .state says whether the end came, or something else than chunks.
 */
size_t chunked_take(struct chunked *chunked, char *data, size_t length);

#endif
