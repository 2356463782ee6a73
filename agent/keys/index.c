#include "keys/index.h"

#include <stdlib.h>

struct key_index_entry {
	uint64_t tail;
	uint32_t next; /* of the same slot: entry + 1, 0 for none */
};

/* Fibonacci hashing. Who writes the file may make keys collide: he slows himself down. */
static size_t slot_of(const struct key_index *index, uint64_t tail)
{
	return (size_t)(tail * 0x9e3779b97f4a7c15 >> 32) & (index->slots - 1);
}

/* At the end, so that a slot's entries keep their order. */
static void link_entry(struct key_index *index, size_t entry)
{
	size_t slot = slot_of(index, index->entries[entry].tail);
	uint32_t number = (uint32_t)entry + 1;

	index->entries[entry].next = 0;
	if (index->last[slot])
		index->entries[index->last[slot] - 1].next = number;
	else
		index->first[slot] = number;
	index->last[slot] = number;
}

static int grow(struct key_index *index)
{
	size_t capacity = index->capacity ? index->capacity * 2 : 64;
	struct key_index_entry *entries =
		reallocarray(index->entries, capacity, sizeof(*index->entries));
	uint32_t *slots = entries ? calloc(capacity * 4, sizeof(*slots)) : NULL;

	if (entries)
		index->entries = entries;
	if (!slots)
		return -1;
	free(index->first);
	index->capacity = capacity;
	index->slots = capacity * 2;
	index->first = slots;
	index->last = slots + index->slots;
	for (size_t i = 0; i < index->count; i++)
		link_entry(index, i);
	return 0;
}

int key_index_add(struct key_index *index, uint64_t tail)
{
	if (index->count == UINT32_MAX - 1 || (index->count == index->capacity && grow(index) != 0))
		return -1;
	index->entries[index->count].tail = tail;
	link_entry(index, index->count++);
	return 0;
}

static size_t same_tail(const struct key_index *index, size_t entry, uint64_t tail)
{
	while (entry && index->entries[entry - 1].tail != tail)
		entry = index->entries[entry - 1].next;
	return entry;
}

size_t key_index_first(const struct key_index *index, uint64_t tail)
{
	return index->slots ? same_tail(index, index->first[slot_of(index, tail)], tail) : 0;
}

size_t key_index_next(const struct key_index *index, size_t found)
{
	const struct key_index_entry *entry = &index->entries[found - 1];

	return same_tail(index, entry->next, entry->tail);
}

void key_index_free(struct key_index *index)
{
	free(index->entries);
	free(index->first);
	*index = (struct key_index){0};
}
