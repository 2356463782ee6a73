#include "net/array.h"

#include <stdlib.h>

void *array_grow(void *list, size_t count, size_t *capacity, size_t size)
{
	size_t wanted = *capacity ? *capacity * 2 : 32;
	void *grown;

	if (list && count < *capacity)
		return list;
	grown = reallocarray(list, wanted, size);
	if (grown)
		*capacity = wanted;
	return grown;
}

void array_sort(void *list, size_t count, size_t size, int (*compare)(const void *a, const void *b))
{
	if (count > 1)
		qsort(list, count, size, compare);
}
