/* Removing keys, remembering that, and taking it back. */
#include <string.h>

#include "base/error.h"
#include "keys/manager.h"
#include "keys/rows.h"
#include "keys/update.h"
#include "sys/account.h"

static int out_of_memory(struct error *error)
{
	return error_set(error, ERROR_INTERNAL, "out of memory");
}

static bool has_fingerprint(const struct pubkey *key, const char *wanted)
{
	char fingerprint[PUBKEY_FINGERPRINT_SIZE];

	pubkey_fingerprint(key, fingerprint);
	return strcmp(fingerprint, wanted) == 0;
}

/*
 * The key with the fingerprint, in the store or in the file, as a copy to be freed with
 * pubkey_free. Returns 1 if there is one, 0 if not, -1 if out of memory.
 */
static int find_key(const struct keys_update *update, const char *fingerprint, struct pubkey *found)
{
	struct view_walk walk = {.end = update->view.length};
	struct view_line line = {0};

	for (size_t i = 0; i < update->store.count; i++)
		if (has_fingerprint(&update->store.keys[i].key, fingerprint))
			return pubkey_copy(&update->store.keys[i].key, found) == 0 ? 1 : -1;
	while (view_next(&update->view, &walk, &line)) {
		if (!line.parsed.key.blob || !has_fingerprint(&line.parsed.key, fingerprint))
			continue;
		*found = line.parsed.key;
		line.parsed.key = (struct pubkey){0};
		return 1;
	}
	return 0;
}

/* The store's entry of a key that stands in the file only is its tombstone to be. */
static struct stored_key *entry_of(struct keys_update *update, const struct pubkey *key)
{
	struct stored_key *stored = store_find(&update->store, key);

	if (!stored && (stored = store_add(&update->store, key)))
		stored->removed = true;
	return stored;
}

static bool is_removed(const struct keys_removal *removal, const struct pubkey *key)
{
	for (size_t i = 0; i < removal->count; i++)
		if (has_fingerprint(key, removal->fingerprints[i]))
			return true;
	return false;
}

/* Whether a line lets anybody in once the removal is done. */
static bool remains(const struct keys_update *update, const struct keys_removal *removal,
	const struct view_line *line)
{
	if (!view_lets_in(line, update->now))
		return false;
	return !is_removed(removal, &line->parsed.key) || (!line->in_block && !removal->foreign);
}

/* Locking the owner out must be meant. A file that lets nobody in is no reason. */
static int check_last(
	const struct keys_update *update, const struct keys_removal *removal, struct error *error)
{
	struct view_walk walk = {.end = update->view.length};
	struct view_line line = {0};
	bool takes_one = false;

	while (view_next(&update->view, &walk, &line)) {
		if (remains(update, removal, &line)) {
			view_line_free(&line);
			return 0;
		}
		takes_one = takes_one || (line.parsed.kind == KEY_LINE_KEY &&
						 is_removed(removal, &line.parsed.key));
	}
	if (update->unread)
		return out_of_memory(error);
	if (!takes_one || removal->force)
		return 0;
	return error_set(error, ERROR_LAST_KEY,
		"%s is the last key that lets anybody log in as %s; add another one first, "
		"or repeat it with force",
		removal->fingerprints[0], update->place->account->name);
}

static int check_known(
	const struct keys_update *update, const struct keys_removal *removal, struct error *error)
{
	for (size_t i = 0; i < removal->count; i++) {
		struct pubkey key = {0};
		int known = find_key(update, removal->fingerprints[i], &key);
		const struct stored_key *stored =
			known > 0 ? store_find(&update->store, &key) : NULL;

		if (stored && stored->removed)
			known = view_find(&update->view, &update->store, &key, true, NULL);
		pubkey_free(&key);
		if (known < 0 || update->unread)
			return out_of_memory(error);
		if (!known)
			return error_set(error, ERROR_NO_SUCH_KEY, "%s has no key %s",
				update->place->account->name, removal->fingerprints[i]);
	}
	return 0;
}

static int report_left(struct keys_update *update, const struct view_line *line)
{
	struct keys_row *row = keys_report_row(update->report, ROW_LEFT);

	if (!row || row_of_line(row, line, update->now) != 0)
		return -1;
	update->report->incomplete = true;
	buffer_add_format(&update->report->notes,
		"line %ld of %s, which vastagent did not write, still lets %s in; remove it too "
		"with foreign\n",
		line->number, update->place->file, row->fingerprint);
	return 0;
}

static int entomb(struct keys_update *update, struct stored_key *stored)
{
	struct keys_row *row = keys_report_row(update->report, ROW_REMOVED);

	if (!row || row_of_stored(row, stored) != 0)
		return -1;
	stored->removed = true;
	stored->by_hand = false;
	stored->removed_at = update->removed_at;
	update->store_changed = true;
	return keys_report_event(update->report, "removed", &stored->key, "rmkey");
}

/* Marks the lines of others that hold the key to be dropped, and names the first. */
static int drop_lines(struct keys_update *update, struct stored_key *stored,
	const struct view_line *line, const char *warning)
{
	struct keys_row *row;

	stored->drop_foreign = true;
	buffer_add_format(&update->report->notes, "line %ld of %s was not vastagent's%s\n",
		line->number, update->place->file, warning);
	if (!stored->removed)
		return 0;
	/* The entry is only a tombstone: what goes is the line, and that is what may come back. */
	row = keys_report_row(update->report, ROW_REMOVED);
	stored->removed_at = store_can_hold(&line->parsed) ? update->removed_at : 0;
	if (stored->removed_at && store_take_line(stored, &line->parsed) != 0)
		return -1;
	update->store_changed = true;
	if (!row || row_of_line(row, line, update->now) != 0)
		return -1;
	return keys_report_event(update->report, "removed", &stored->key, "rmkey --foreign");
}

static int remove_found(struct keys_update *update, const struct keys_removal *removal,
	const struct pubkey *key, const struct view_line *line)
{
	struct stored_key *stored =
		removal->foreign ? entry_of(update, key) : store_find(&update->store, key);

	if (removal->foreign && !stored)
		return -1;
	if (line && removal->foreign &&
		drop_lines(update, stored, line, "; the platform may write it back") != 0)
		return -1;
	if (stored && !stored->removed && entomb(update, stored) != 0)
		return -1;
	return line && !removal->foreign ? report_left(update, line) : 0;
}

/* In another account's file: its own store's key goes, and lines that are copies. */
static int sweep_found(struct keys_update *update, const struct keys_removal *removal,
	const struct pubkey *key, const struct view_line *line)
{
	struct stored_key *stored = line ? entry_of(update, key) : store_find(&update->store, key);

	(void)removal;
	if (!stored)
		return line ? -1 : 0;
	if (line && drop_lines(update, stored, line, ", but a copy of the key") != 0)
		return -1;
	return stored->removed ? 0 : entomb(update, stored);
}

typedef int with_found(struct keys_update *update, const struct keys_removal *removal,
	const struct pubkey *key, const struct view_line *line);

/* Calls for each fingerprint's key, with the line of somebody else's that holds it. */
static int each_key(
	struct keys_update *update, const struct keys_removal *removal, with_found *call)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < removal->count; i++) {
		struct view_line line = {0};
		struct pubkey key = {0};
		bool stands;

		result = find_key(update, removal->fingerprints[i], &key);
		if (result <= 0)
			continue;
		stands = view_find(&update->view, &update->store, &key, true, &line);
		result = call(update, removal, &key, stands ? &line : NULL);
		view_line_free(&line);
		pubkey_free(&key);
	}
	return update->unread ? -1 : result;
}

int keys_remove(const struct keys_place *place, const struct keys_removal *removal,
	struct keys_report *report, struct error *error)
{
	struct keys_update update;
	int result = keys_update_begin(&update, place, false, report, error);

	if (result == 0)
		result = check_known(&update, removal, error);
	if (result == 0)
		result = check_last(&update, removal, error);
	if (result == 0 && each_key(&update, removal, remove_found) != 0)
		result = out_of_memory(error);
	if (result == 0)
		result = keys_update_finish(&update, error);
	keys_update_end(&update);
	return result;
}

int keys_sweep(const struct keys_place *place, const struct keys_removal *removal,
	struct keys_report *report, struct error *error)
{
	struct keys_update update;
	int result = keys_update_begin(&update, place, false, report, error);

	if (result == 0 && each_key(&update, removal, sweep_found) != 0)
		result = out_of_memory(error);
	if (result == 0 && report->row_count)
		result = keys_update_finish(&update, error);
	keys_update_end(&update);
	return result;
}

static int revive(struct keys_update *update, struct stored_key *stored)
{
	struct keys_row *row = keys_report_row(update->report, ROW_ADDED);

	if (!row || row_of_stored(row, stored) != 0)
		return -1;
	stored->removed = stored->by_hand = false;
	stored->removed_at = 0;
	update->store_changed = true;
	return keys_report_event(update->report, "added", &stored->key, "undo");
}

int keys_undo(const struct keys_place *place, struct keys_report *report, struct error *error)
{
	struct keys_update update;
	int result = keys_update_begin(&update, place, false, report, error);
	time_t last = result == 0 ? store_last_removal(&update.store) : 0;

	if (result == 0 && !last)
		result = error_set(error, ERROR_NO_SUCH_KEY,
			"no key of %s was removed that could be brought back",
			place->account->name);
	/* All that went in one step: the keys of one person, the lines of one edit. */
	for (size_t i = 0; result == 0 && i < update.store.count; i++)
		if (update.store.keys[i].removed && update.store.keys[i].removed_at == last &&
			revive(&update, &update.store.keys[i]) != 0)
			result = out_of_memory(error);
	if (result == 0)
		result = keys_update_finish(&update, error);
	keys_update_end(&update);
	return result;
}
