#include "keys/index.h"

#include <stdlib.h>

struct key_index_entry {
	uint64_t tail;
	uint32_t place;
	uint32_t before; /* of the same slot: entry + 1, 0 for none */
};

/* Fibonacci hashing. Who writes the file may make keys collide: he slows himself down. */
static uint32_t *slot_of(const struct key_index *index, uint64_t tail)
{
	return &index->slots[(tail * 0x9e3779b97f4a7c15 >> 32) & (index->slot_count - 1)];
}

static void link_entry(struct key_index *index, size_t number)
{
	struct key_index_entry *entry = &index->entries[number];
	uint32_t *slot = slot_of(index, entry->tail);

	entry->before = *slot;
	*slot = (uint32_t)number + 1;
}

int key_index_hash(struct key_index *index)
{
	size_t slot_count = 16;
	uint32_t *slots;

	while (slot_count < index->capacity * 2)
		slot_count *= 2;
	slots = calloc(slot_count, sizeof(*slots));
	if (!slots)
		return -1;
	free(index->slots);
	index->slots = slots;
	index->slot_count = slot_count;
	for (size_t i = 0; i < index->count; i++)
		link_entry(index, i);
	return 0;
}

static int grow(struct key_index *index)
{
	size_t capacity = index->capacity ? index->capacity * 2 : 16;
	struct key_index_entry *entries =
		reallocarray(index->entries, capacity, sizeof(*index->entries));

	if (!entries)
		return -1;
	index->entries = entries;
	index->capacity = capacity;
	return index->slots ? key_index_hash(index) : 0;
}

int key_index_add(struct key_index *index, uint64_t tail, uint32_t place)
{
	if (index->count == index->capacity && grow(index) != 0)
		return -1;
	index->entries[index->count] = (struct key_index_entry){.tail = tail, .place = place};
	index->count++;
	if (index->slots)
		link_entry(index, index->count - 1);
	return 0;
}

/* Goes back from entry *at - 1 to one with the tail. */
static int64_t same_tail(const struct key_index *index, uint64_t tail, size_t *at)
{
	while (*at && index->entries[*at - 1].tail != tail)
		*at = index->slots ? index->entries[*at - 1].before : *at - 1;
	return *at ? (int64_t)index->entries[*at - 1].place : -1;
}

int64_t key_index_last(const struct key_index *index, uint64_t tail, size_t *at)
{
	*at = index->slots ? *slot_of(index, tail) : index->count;
	return same_tail(index, tail, at);
}

int64_t key_index_before(const struct key_index *index, uint64_t tail, size_t *at)
{
	*at = index->slots ? index->entries[*at - 1].before : *at - 1;
	return same_tail(index, tail, at);
}

void key_index_free(struct key_index *index)
{
	free(index->entries);
	free(index->slots);
	*index = (struct key_index){0};
}
