/* Growing plain arrays, for lists whose length is known only when they end. */
#ifndef VASTAGENT_NET_ARRAY_H
#define VASTAGENT_NET_ARRAY_H

#include <stddef.h>

/*
 * Makes room for one more element of the given size behind the first count ones.
 * Returns the list, perhaps moved, or NULL (the old list is untouched and still the
 * caller's) when memory is short.
 */
void *array_grow(void *list, size_t count, size_t *capacity, size_t size);

/* qsort(3) that takes an empty list, which may be NULL. */
void array_sort(
	void *list, size_t count, size_t size, int (*compare)(const void *a, const void *b));

#endif
