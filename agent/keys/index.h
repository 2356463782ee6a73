/*
 * Where keys stand: a hash table from the tail of a key to the entries that have it, in
 * the order in which they were added. Two keys can share a tail, so that an entry that is
 * found must still be compared. Pure.
 */
#ifndef VASTAGENT_KEYS_INDEX_H
#define VASTAGENT_KEYS_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct key_index {
	struct key_index_entry *entries;
	uint32_t *first, *last; /* of each slot: entry + 1, 0 for none */
	size_t slots, count, capacity;
};

/* Adds the entry numbered index->count. Returns 0, or -1 if out of memory. */
int key_index_add(struct key_index *index, uint64_t tail);

/* The first entry with the tail, and the next behind one that was found, as its number
 * + 1; 0 if there is none. */
size_t key_index_first(const struct key_index *index, uint64_t tail);
size_t key_index_next(const struct key_index *index, size_t found);

void key_index_free(struct key_index *index);

#endif
