/*
 * Finds a key in an array by its numbers. The array belongs to somebody else, may grow and
 * move, and has a struct pubkey in each element. Pure.
 */
#ifndef VASTAGENT_KEYS_KEY_INDEX_H
#define VASTAGENT_KEYS_KEY_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct pubkey;

struct key_index {
	size_t *slots; /* position in the array + 1, 0: free */
	size_t size, used;
};

/* The array: its first element, where the key is in one, and the size of one. */
struct key_array {
	const void *first;
	size_t offset, stride;
};

#define KEY_ARRAY(elements, member)                                                                \
	((struct key_array){                                                                       \
		(elements), offsetof(__typeof__(*(elements)), member), sizeof(*(elements))})

#define KEY_INDEX_NONE SIZE_MAX

/* The position of the key, or KEY_INDEX_NONE. */
size_t key_index_find(
	const struct key_index *index, struct key_array array, const struct pubkey *key);

/* From now on the key of that element is found there. Returns 0, or -1 if out of memory. */
int key_index_put(struct key_index *index, struct key_array array, size_t position);

void key_index_free(struct key_index *index);

#endif
