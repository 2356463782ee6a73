#include "keys/rebuild.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "keys/store.h"
#include "keys/view.h"

/* Blocks that are looked at: an account may fill its file with beginnings of them. */
#define BLOCKS_MAX 100

/* The id of the last whole block. Returns whether there is one. */
static bool find_last_id(const char *text, size_t length, char id[BLOCK_ID_SIZE])
{
	static const char begin[] = "# BEGIN vastagent ";
	const size_t skip = sizeof(begin) - 1, size = BLOCK_ID_SIZE - 1;
	const char *end = text + length, *at = text;
	char candidate[BLOCK_ID_SIZE] = "";
	struct block block, last = {0};
	int left = BLOCKS_MAX;

	for (; at && at < end; at = memchr(at, '\n', (size_t)(end - at)), at += at != NULL) {
		if ((size_t)(end - at) <= skip + size || memcmp(at, begin, skip) != 0)
			continue;
		memcpy(candidate, at + skip, size);
		if (strspn(candidate, "0123456789abcdef") != size || left-- <= 0)
			continue;
		block_find(text, length, candidate, &block);
		if (!block.found || (last.found && block.begin <= last.begin))
			continue;
		last = block;
		memcpy(id, candidate, sizeof(candidate));
	}
	return last.found;
}

static int take_line(struct store *store, const struct key_line *line)
{
	struct stored_key *key;

	if (!line->key.blob || store_find(store, &line->key))
		return 0;
	/* A person's edit, which stays in the file as it is. */
	if (!store_can_hold(line))
		return 0;
	key = store_add(store, &line->key);
	if (!key || store_take_line(key, line) != 0)
		return -1;
	key->in_block = key->in_next = true;
	return 0;
}

static int take_block(struct store *store, const struct view *view)
{
	struct view_walk walk = {.end = view->length};
	struct view_line line = {0};
	int result = 0;

	while (result == 0 && view_next(view, &walk, &line))
		if (line.in_block)
			result = line.parsed.error.code == ERROR_INTERNAL
					 ? -1
					 : take_line(store, &line.parsed);
	view_line_free(&line);
	/* A number that was edited may be more than a store can hold: then it begins anew. */
	if (view->block.generation < LONG_MAX / 2)
		store->generation = store->written = view->block.generation;
	return result;
}

int rebuild_from_block(struct store *store, const char *text, size_t length, struct error *error)
{
	struct store fresh;
	struct view view;
	int result;

	if (!*store->id && !find_last_id(text, length, store->id)) {
		if (store_begin(&fresh, error) != 0)
			return -1;
		memcpy(store->id, fresh.id, sizeof(store->id));
		return 0;
	}
	view_begin(text, length, store->id, &view);
	result = view.block.found ? take_block(store, &view) : 0;
	view_free(&view);
	return result == 0 ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
}

/* What a block's line does not say of a key. */
static int take_texts(struct stored_key *key, const struct stored_key *old)
{
	key->origin = old->origin;
	key->added = old->added;
	/* The end of its time, where the server reads none in the line. */
	if (!old->removed && strcmp(key->options, old->options) == 0)
		key->expires = old->expires;
	return store_set_text(&key->name, old->name) == 0 &&
			       store_set_text(&key->comment, old->comment) == 0
		       ? 0
		       : -1;
}

/* A key that was to be in the block, or was removed from it. */
static int take_old(struct store *store, const struct stored_key *old, bool removed, time_t now)
{
	struct stored_key *key = store_add(store, &old->key);

	if (!key || take_texts(key, old) != 0 || store_set_text(&key->options, old->options) != 0)
		return -1;
	key->expires = old->expires;
	key->removed = removed;
	key->by_hand = removed && (old->by_hand || !old->removed);
	key->removed_at = old->removed || !removed ? old->removed_at : now;
	key->in_block = key->in_next = !removed;
	return 0;
}

static int take_before(struct store *store, const struct store *before, time_t now)
{
	bool newer = store->generation > before->generation || !store->generation;

	for (size_t i = 0; i < before->count; i++) {
		const struct stored_key *old = &before->keys[i];
		struct stored_key *key = store_find(store, &old->key);

		if (key ? take_texts(key, old) != 0
			: (old->removed || old->in_next) &&
					take_old(store, old, old->removed || newer, now) != 0)
			return -1;
	}
	if (store->generation < before->generation) {
		store->generation = before->generation;
		store->written = before->written;
	}
	return 0;
}

int rebuild_store(const char *path, struct store *store, const char *text, size_t length,
	time_t now, struct error *error)
{
	char *kept = store_before_path(path);
	struct store before = {.count = 0};
	bool usable;
	int result;

	/* Without it removals would be forgotten: what is out for a moment is not done without. */
	errno = 0;
	usable = kept && store_load(kept, &before, NULL) == 0;
	if (!kept || (!usable && errno == ENOMEM)) {
		free(kept);
		store_free(&before);
		return error_set(error, ERROR_INTERNAL, "out of memory");
	}
	usable = usable && before.count && (!*store->id || strcmp(store->id, before.id) == 0);
	free(kept);
	if (usable && !*store->id)
		memcpy(store->id, before.id, sizeof(store->id));
	if (usable && !*store->instance)
		memcpy(store->instance, before.instance, sizeof(store->instance));
	result = rebuild_from_block(store, text, length, error);
	if (result == 0 && usable && take_before(store, &before, now) != 0)
		result = error_set(error, ERROR_INTERNAL, "out of memory");
	store_free(&before);
	return result;
}

int rebuild_keep_damaged(const char *path, struct error *error)
{
	char *kept = store_damaged_path(path);
	int result = 0;

	if (!kept)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	/* A second name: until the new store takes the first, there is a store. */
	if ((unlink(kept) != 0 && errno != ENOENT) || link(path, kept) != 0)
		result = error_set_errno(error, ERROR_CANNOT_WRITE,
			"%s is damaged and cannot be kept as %s", path, kept);
	free(kept);
	return result;
}
