/* A store from the block that was written from it, where the store itself is damaged. */
#ifndef VASTAGENT_KEYS_REBUILD_H
#define VASTAGENT_KEYS_REBUILD_H

#include <stddef.h>
#include <time.h>

struct error;
struct store;

/*
 * Fills an empty store from the block in a file's text: the one with store->id or, if
 * that is "", the last one. What stands in no block is not known any more: removals,
 * keys that wait, names beside comments. An account may have forged the block of its own
 * file, and gains nothing: its keys are in that file already.
 * store->instance stays. Returns 0, also without a block, or -1 if out of memory.
 */
int rebuild_from_block(struct store *store, const char *text, size_t length, struct error *error);

/*
 * The same, and what the block does not say from the store that was saved before the damaged
 * one at the path, if it is of the same block: names, origins and removals. It lets nothing
 * in that the block does not, unless the block is as old as itself: what stood in it and
 * is not in force counts as removed, and a key that only waited is forgotten.
 * Returns 0, or -1 if out of memory.
 */
int rebuild_store(const char *path, struct store *store, const char *text, size_t length,
	time_t now, struct error *error);

/*
 * Keeps a damaged store beside itself (store_damaged_path), in place of an older one.
 * Returns 0, or -1 with ERROR_CANNOT_WRITE.
 */
int rebuild_keep_damaged(const char *path, struct error *error);

#endif
