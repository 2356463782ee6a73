/*
 * A byte buffer that grows. A failed allocation is remembered in .failed and every
 * later call does nothing, so that building a text is checked once, at its end.
 */
#ifndef VASTAGENT_BASE_BUFFER_H
#define VASTAGENT_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
	char *data; /* always NUL-terminated behind .length when not NULL */
	size_t length;
	size_t capacity;
	bool failed;
};

#define BUFFER_EMPTY ((struct buffer){0})

/* Appends length bytes of data. Returns 0, or -1 with .failed set. */
int buffer_add(struct buffer *buffer, const void *data, size_t length);

/* Appends a string without its NUL. Returns 0 or -1. */
int buffer_add_string(struct buffer *buffer, const char *string);

/* Appends formatted text, as printf(3). Returns 0 or -1. */
int buffer_add_format(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Makes room for length more bytes and returns where they go; the caller fills
 * them and then raises .length. Returns NULL with .failed set.
 */
char *buffer_reserve(struct buffer *buffer, size_t length);

/* The text as a string: never NULL, "" for an empty buffer. */
const char *buffer_string(const struct buffer *buffer);

/* Empties the buffer, and keeps its memory for what is added next. */
void buffer_clear(struct buffer *buffer);

/* Frees the memory and empties the buffer; it can be used again. */
void buffer_free(struct buffer *buffer);

#endif
