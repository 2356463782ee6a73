/* A store from the block that was written from it, where the store itself is damaged. */
#ifndef VASTAGENT_KEYS_REBUILD_H
#define VASTAGENT_KEYS_REBUILD_H

#include <stddef.h>

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
 * Keeps a damaged store beside itself (store_damaged_path), in place of an older one.
 * Returns 0, or -1 with ERROR_CANNOT_WRITE.
 */
int rebuild_keep_damaged(const char *path, struct error *error);

#endif
