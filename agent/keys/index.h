/*
 * Where keys stand: the places that were noted for the tail of a key. Two keys can share a
 * tail, so that what is found must still be compared. Pure.
 */
#ifndef VASTAGENT_KEYS_INDEX_H
#define VASTAGENT_KEYS_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct key_index {
	struct key_index_entry *entries;
	size_t count, capacity;
	uint32_t *slots; /* of the hash table, if there is one: the last entry + 1 of each */
	size_t slot_count;
};

/*
 * An index is a plain list, which a few can be looked up in. This makes it a hash table,
 * for many: it costs as much as some twenty looks. Returns 0, or -1 if out of memory.
 */
int key_index_hash(struct key_index *index);

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
