/*
 * Where keys stand: a hash table from the tail of a key to the places that were noted
 * for it. Two keys can share a tail, so that what is found must still be compared. Pure.
 */
#ifndef VASTAGENT_KEYS_INDEX_H
#define VASTAGENT_KEYS_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct key_index {
	struct key_index_entry *entries;
	uint32_t *slots; /* the last entry of each + 1, 0 for none */
	size_t count, capacity;
};

/* Makes room for so many entries, which saves growing. Returns 0, or -1 if out of memory. */
int key_index_reserve(struct key_index *index, size_t count);

/* Returns 0, or -1 if out of memory. */
int key_index_add(struct key_index *index, uint64_t tail, uint32_t place);

/*
 * The place that was noted last for a tail, and the one before one that was found (*at is
 * for these two alone). Return -1 if there is none.
 */
int64_t key_index_last(const struct key_index *index, uint64_t tail, size_t *at);
int64_t key_index_before(const struct key_index *index, uint64_t tail, size_t *at);

void key_index_free(struct key_index *index);

#endif
