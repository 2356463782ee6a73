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

/* The key with the fingerprint, in the store or in the file; NULL if it is in neither. */
static const struct pubkey *find_key(const struct keys_update *update, const char *fingerprint)
{
	for (size_t i = 0; i < update->store.count; i++)
		if (has_fingerprint(&update->store.keys[i].key, fingerprint))
			return &update->store.keys[i].key;
	for (size_t i = 0; i < update->view.count; i++)
		if (update->view.lines[i].parsed.key.blob &&
			has_fingerprint(&update->view.lines[i].parsed.key, fingerprint))
			return &update->view.lines[i].parsed.key;
	return NULL;
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
	bool takes_one = false;

	for (size_t i = 0; i < update->view.count; i++) {
		const struct view_line *line = &update->view.lines[i];

		if (remains(update, removal, line))
			return 0;
		takes_one = takes_one || (line->parsed.kind == KEY_LINE_KEY &&
						 is_removed(removal, &line->parsed.key));
	}
	if (!takes_one || removal->force)
		return 0;
	return error_set(error, ERROR_LAST_KEY,
		"%s is the last key that lets anybody log in as %s; add another one first, "
		"or use --force",
		removal->fingerprints[0], update->place->account->name);
}

static int check_known(
	const struct keys_update *update, const struct keys_removal *removal, struct error *error)
{
	for (size_t i = 0; i < removal->count; i++) {
		const struct pubkey *key = find_key(update, removal->fingerprints[i]);
		const struct stored_key *stored = key ? store_find(&update->store, key) : NULL;

		if (!key || (stored && stored->removed &&
				    !view_find(&update->view, &update->store, key, true)))
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
		"with --foreign\n",
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
	stored->removed_at = update->now;
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
	/* The entry is only a tombstone: what goes is the line. */
	row = keys_report_row(update->report, ROW_REMOVED);
	stored->removed_at = update->now;
	update->store_changed = true;
	if (!row || row_of_line(row, line, update->now) != 0)
		return -1;
	return keys_report_event(update->report, "removed", &stored->key, "rmkey --foreign");
}

static int remove_one(
	struct keys_update *update, const struct keys_removal *removal, const char *fingerprint)
{
	const struct pubkey *key = find_key(update, fingerprint);
	const struct view_line *line = view_find(&update->view, &update->store, key, true);
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

int keys_remove(const struct keys_place *place, const struct keys_removal *removal,
	struct keys_report *report, struct error *error)
{
	struct keys_update update;
	int result = keys_update_begin(&update, place, false, report, error);

	if (result == 0)
		result = check_known(&update, removal, error);
	if (result == 0)
		result = check_last(&update, removal, error);
	for (size_t i = 0; result == 0 && i < removal->count; i++)
		if (remove_one(&update, removal, removal->fingerprints[i]) != 0)
			result = out_of_memory(error);
	if (result == 0)
		result = keys_update_finish(&update, error);
	keys_update_end(&update);
	return result;
}

/* In another account's file: its own store's key goes, and lines that are copies. */
static int sweep_one(struct keys_update *update, const char *fingerprint)
{
	const struct pubkey *key = find_key(update, fingerprint);
	const struct view_line *line;
	struct stored_key *stored;

	if (!key)
		return 0;
	line = view_find(&update->view, &update->store, key, true);
	stored = line ? entry_of(update, key) : store_find(&update->store, key);
	if (!stored)
		return line ? -1 : 0;
	if (line && drop_lines(update, stored, line, ", but a copy of the key") != 0)
		return -1;
	return stored->removed ? 0 : entomb(update, stored);
}

int keys_sweep(const struct keys_place *place, const struct keys_removal *removal,
	struct keys_report *report, struct error *error)
{
	struct keys_update update;
	int result = keys_update_begin(&update, place, false, report, error);

	for (size_t i = 0; result == 0 && i < removal->count; i++)
		if (sweep_one(&update, removal->fingerprints[i]) != 0)
			result = out_of_memory(error);
	if (result == 0 && report->row_count)
		result = keys_update_finish(&update, error);
	keys_update_end(&update);
	return result;
}

static time_t last_removal(const struct store *store)
{
	time_t last = 0;

	for (size_t i = 0; i < store->count; i++)
		if (store->keys[i].removed && store->keys[i].removed_at > last)
			last = store->keys[i].removed_at;
	return last;
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
	time_t last = result == 0 ? last_removal(&update.store) : 0;

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
