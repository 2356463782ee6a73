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
	return &index->slots[(tail * 0x9e3779b97f4a7c15 >> 32) & (index->capacity * 2 - 1)];
}

static void link_entry(struct key_index *index, size_t number)
{
	struct key_index_entry *entry = &index->entries[number];
	uint32_t *slot = slot_of(index, entry->tail);

	entry->before = *slot;
	*slot = (uint32_t)number + 1;
}

int key_index_reserve(struct key_index *index, size_t count)
{
	size_t capacity = index->capacity ? index->capacity : 16;
	struct key_index_entry *entries;
	uint32_t *slots;

	while (capacity < count)
		capacity *= 2;
	if (capacity == index->capacity)
		return 0;
	entries = reallocarray(index->entries, capacity, sizeof(*index->entries));
	if (!entries)
		return -1;
	index->entries = entries;
	slots = calloc(capacity * 2, sizeof(*slots));
	if (!slots)
		return -1;
	free(index->slots);
	index->slots = slots;
	index->capacity = capacity;
	for (size_t i = 0; i < index->count; i++)
		link_entry(index, i);
	return 0;
}

int key_index_add(struct key_index *index, uint64_t tail, uint32_t place)
{
	if (key_index_reserve(index, index->count + 1) != 0)
		return -1;
	index->entries[index->count] = (struct key_index_entry){.tail = tail, .place = place};
	link_entry(index, index->count++);
	return 0;
}

static int64_t same_tail(const struct key_index *index, uint64_t tail, size_t *at)
{
	while (*at && index->entries[*at - 1].tail != tail)
		*at = index->entries[*at - 1].before;
	return *at ? (int64_t)index->entries[*at - 1].place : -1;
}

int64_t key_index_last(const struct key_index *index, uint64_t tail, size_t *at)
{
	*at = index->slots ? *slot_of(index, tail) : 0;
	return same_tail(index, tail, at);
}

int64_t key_index_before(const struct key_index *index, uint64_t tail, size_t *at)
{
	*at = index->entries[*at - 1].before;
	return same_tail(index, tail, at);
}

void key_index_free(struct key_index *index)
{
	free(index->entries);
	free(index->slots);
	*index = (struct key_index){0};
}
