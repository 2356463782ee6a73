#include "daemon/memory.h"

#include <event2/event.h>
#include <jansson.h>
#include <malloc.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"

/* Enough for one turn of the event loop. */
#define RESERVE (64 * 1024)

static void *reserve;

/*
 * Neither library lives through every allocation that fails: evhttp_request_new() of
 * libevent 2.1 follows a null pointer, and jansson's reader loses a byte of a text. What is
 * kept for that moment gets them through; a process that has none left ends in order.
 * The agent is started again, and who asked for a job is told.
 */
static void *malloc_surely(size_t size)
{
	void *memory = malloc(size);

	if (!memory) {
		free(reserve);
		reserve = NULL;
		memory = malloc(size);
	} else if (!reserve) {
		reserve = malloc(RESERVE);
	}
	if (!memory) {
		log_error("out of memory");
		_exit(EX_OSERR);
	}
	return memory;
}

static void free_wiped(void *memory)
{
	if (memory)
		sodium_memzero(memory, malloc_usable_size(memory));
	free(memory);
}

/* realloc(3) would leave the old bytes behind when it moves them. */
static void *realloc_wiped(void *memory, size_t size)
{
	void *moved = size ? malloc_surely(size) : NULL;
	size_t old = memory ? malloc_usable_size(memory) : 0;

	if (moved && memory)
		memcpy(moved, memory, old < size ? old : size);
	free_wiped(memory);
	return moved;
}

void memory_wipe_freed(void)
{
	event_set_mem_functions(malloc_surely, realloc_wiped, free_wiped);
	json_set_alloc_funcs(malloc_surely, free_wiped);
}

void memory_free_text(char *text)
{
	if (text)
		sodium_memzero(text, strlen(text));
	free(text);
}
