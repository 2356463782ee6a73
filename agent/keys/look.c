/* Looking at a file: is it as it was promised? */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "keys/manager.h"
#include "keys/update.h"
#include "sys/account.h"
#include "sys/homefile.h"
#include "sys/homefile_places.h"
#include "sys/instance.h"

static bool is_copy(const struct stored_key *own, const struct stored_key *roots)
{
	return !own->removed && own->expires == roots->expires &&
	       strcmp(own->options, roots->options) == 0 &&
	       strcmp(own->comment, roots->comment) == 0 && strcmp(own->name, roots->name) == 0;
}

/* Root's key as one of this account: the same line, and it goes when root's goes. */
static int copy_key(struct keys_update *update, const struct stored_key *roots)
{
	struct stored_key *own = store_find(&update->store, &roots->key);

	/* A key of its own stays as it is; one that a person took out here stays out. */
	if (own && (own->origin != ORIGIN_MIRROR || own->by_hand))
		return 0;
	if (!own) {
		own = store_add(&update->store, &roots->key);
		if (!own)
			return -1;
		own->origin = ORIGIN_MIRROR;
		own->removed = true;
	}
	if (is_copy(own, roots))
		return 0;
	own->removed = false;
	own->added = update->now;
	own->expires = roots->expires;
	update->store_changed = true;
	if (store_set_text(&own->options, roots->options) != 0 ||
		store_set_text(&own->comment, roots->comment) != 0)
		return -1;
	return store_set_text(&own->name, roots->name);
}

static int follow(struct keys_update *update, const struct store *roots)
{
	for (size_t i = 0; i < roots->count; i++)
		if (!roots->keys[i].removed && copy_key(update, &roots->keys[i]) != 0)
			return -1;
	for (size_t i = 0; i < update->store.count; i++) {
		struct stored_key *own = &update->store.keys[i];
		const struct stored_key *theirs = store_find(roots, &own->key);

		if (own->origin != ORIGIN_MIRROR || own->removed || (theirs && !theirs->removed))
			continue;
		own->removed = true;
		own->removed_at = update->removed_at;
		update->store_changed = true;
	}
	return 0;
}

static int mirror(struct keys_update *update, struct error *error)
{
	char *path = store_path(update->place->state_dir, "root");
	struct store roots = {0};
	int result = path ? store_load(path, &roots, error)
			  : error_set(error, ERROR_INTERNAL, "out of memory");

	/* Root's keys of another instance are about to be set aside. */
	if (result == 0 && instance_is_other(update->place->instance, roots.instance))
		store_free(&roots);
	if (result == 0 && follow(update, &roots) != 0)
		result = error_set(error, ERROR_INTERNAL, "out of memory");
	store_free(&roots);
	free(path);
	return result;
}

/* A file that cannot be used now may be usable after a change on the way to it. */
static void find_places(const struct keys_place *place, struct homefile_places *places)
{
	struct homefile *file = NULL;

	if (homefile_open(&file, place->owner, place->file, HOMEFILE_ASIDE, NULL) == 0)
		homefile_places(file, places, NULL);
	homefile_close(file);
}

int keys_look(const struct keys_place *place, struct homefile_places *places,
	struct keys_report *report, struct error *error)
{
	struct keys_update update;
	int result = keys_update_begin(&update, place, false, report, error);

	*places = (struct homefile_places){.home = -1};
	if (result == 0 && place->mirror && place->account->uid != 0)
		result = mirror(&update, error);
	if (result == 0)
		result = keys_update_finish(&update, error);
	if (update.file) {
		if (homefile_places(update.file, places, result == 0 ? error : NULL) != 0)
			result = -1;
	} else if (!error || error->code != ERROR_TIMEOUT) {
		find_places(place, places);
	}
	keys_update_end(&update);
	return result;
}
