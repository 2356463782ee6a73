#include "daemon/memory.h"

#include <event2/event.h>
#include <jansson.h>
#include <malloc.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void free_wiped(void *memory)
{
	if (memory)
		sodium_memzero(memory, malloc_usable_size(memory));
	free(memory);
}

/* realloc(3) would leave the old bytes behind when it moves them. */
static void *realloc_wiped(void *memory, size_t size)
{
	void *moved = size ? malloc(size) : NULL;
	size_t old = memory ? malloc_usable_size(memory) : 0;

	if (size && !moved)
		return NULL;
	if (moved && memory)
		memcpy(moved, memory, old < size ? old : size);
	free_wiped(memory);
	return moved;
}

void memory_wipe_freed(void)
{
	event_set_mem_functions(malloc, realloc_wiped, free_wiped);
	json_set_alloc_funcs(malloc, free_wiped);
}

void memory_free_text(char *text)
{
	if (text)
		sodium_memzero(text, strlen(text));
	free(text);
}
