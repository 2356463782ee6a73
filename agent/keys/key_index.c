#include "keys/key_index.h"

#include <stdbool.h>
#include <stdlib.h>

#include "keys/pubkey.h"

static const struct pubkey *key_at(struct key_array array, size_t position)
{
	return (const void *)((const char *)array.first + position * array.stride + array.offset);
}

/* FNV-1a: who chooses the keys may make them collide, and only slows himself down. */
static uint64_t hash(const struct pubkey *key)
{
	uint64_t value = 0xcbf29ce484222325;

	for (size_t i = 0; i < key->length; i++)
		value = (value ^ key->blob[i]) * 0x100000001b3;
	return value;
}

/* Where the key is, or belongs; there is always a free one. */
static size_t *slot_of(
	const struct key_index *index, struct key_array array, const struct pubkey *key)
{
	size_t at = (size_t)(hash(key) % index->size);

	while (index->slots[at] && !pubkey_equal(key_at(array, index->slots[at] - 1), key))
		at = (at + 1) % index->size;
	return &index->slots[at];
}

static int grow(struct key_index *index, struct key_array array)
{
	struct key_index grown = {
		.size = index->size ? index->size * 2 + 1 : 31, .used = index->used};

	grown.slots = calloc(grown.size, sizeof(*grown.slots));
	if (!grown.slots)
		return -1;
	for (size_t i = 0; i < index->size; i++)
		if (index->slots[i])
			*slot_of(&grown, array, key_at(array, index->slots[i] - 1)) =
				index->slots[i];
	free(index->slots);
	*index = grown;
	return 0;
}

size_t key_index_find(
	const struct key_index *index, struct key_array array, const struct pubkey *key)
{
	return index->size ? *slot_of(index, array, key) - 1 : KEY_INDEX_NONE;
}

int key_index_put(struct key_index *index, struct key_array array, size_t position)
{
	size_t *slot;

	if (index->used * 2 >= index->size && grow(index, array) != 0)
		return -1;
	slot = slot_of(index, array, key_at(array, position));
	index->used += *slot == 0;
	*slot = position + 1;
	return 0;
}

void key_index_free(struct key_index *index)
{
	free(index->slots);
	*index = (struct key_index){0};
}
