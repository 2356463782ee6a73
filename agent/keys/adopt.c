/* Stores and copied images: taking another instance's keys over, and forgetting all. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "keys/manager.h"
#include "keys/rows.h"
#include "keys/update.h"
#include "sys/account.h"

static int take_over(struct keys_update *update, const struct stored_key *old)
{
	struct stored_key *stored = store_find(&update->store, &old->key);
	struct keys_row *row;

	/* What was decided here counts for more than what was decided there. */
	if (old->removed || stored)
		return 0;
	stored = store_add(&update->store, &old->key);
	row = keys_report_row(update->report, ROW_ADDED);
	if (!stored || !row || store_set_text(&stored->options, old->options) != 0 ||
		store_set_text(&stored->comment, old->comment) != 0 ||
		store_set_text(&stored->name, old->name) != 0 || row_of_stored(row, stored) != 0)
		return -1;
	stored->origin = old->origin;
	stored->added = old->added;
	stored->expires = old->expires;
	update->store_changed = true;
	return keys_report_event(update->report, "added", &stored->key, "adopt");
}

static int adopt(struct keys_update *update, const char *aside, struct error *error)
{
	struct store old;
	int result;

	if (access(aside, F_OK) != 0)
		return error_set(error, ERROR_NO_SUCH_KEY, "no keys of %s were set aside",
			update->place->account->name);
	result = store_load(aside, &old, error);
	for (size_t i = 0; result == 0 && i < old.count; i++)
		if (take_over(update, &old.keys[i]) != 0)
			result = error_set(error, ERROR_INTERNAL, "out of memory");
	store_free(&old);
	if (result == 0)
		result = keys_update_finish(update, error);
	if (result == 0 && unlink(aside) != 0)
		result = error_set_errno(error, ERROR_CANNOT_WRITE, "cannot remove %s", aside);
	return result;
}

int keys_adopt(const struct keys_place *place, struct keys_report *report, struct error *error)
{
	struct keys_update update;
	char *aside = NULL;
	int result = keys_update_begin(&update, place, false, report, error);

	if (result == 0 && !(aside = store_aside_path(update.store_file)))
		result = error_set(error, ERROR_INTERNAL, "out of memory");
	if (result == 0)
		result = adopt(&update, aside, error);
	free(aside);
	keys_update_end(&update);
	return result;
}

static int delete (char *path, struct error *error)
{
	int result = 0;

	if (!path)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	if (unlink(path) != 0 && errno != ENOENT)
		result = error_set_errno(error, ERROR_CANNOT_WRITE, "cannot remove %s", path);
	free(path);
	return result;
}

/* Lines of others stay; what the agent wrote goes, or is theirs from now on. */
static int forget_key(struct keys_update *update, struct stored_key *stored, bool keep)
{
	struct keys_row *row;

	/* Without the agent nobody would end it, where sshd does not. */
	keep = keep && keys_update_wants(update, stored) &&
	       (!stored->expires || strstr(stored->options, "expiry-time"));
	row = stored->removed ? NULL
			      : keys_report_row(update->report, keep ? ROW_LEFT : ROW_REMOVED);
	if (!stored->removed && (!row || row_of_stored(row, stored) != 0))
		return -1;
	stored->removed = stored->removed || !keep;
	update->store_changed = true;
	return 0;
}

int keys_forget(
	const struct keys_place *place, bool keep, struct keys_report *report, struct error *error)
{
	struct keys_update update;
	int result = keys_update_begin(&update, place, false, report, error);

	update.release = keep;
	for (size_t i = 0; result == 0 && i < update.store.count; i++)
		if (forget_key(&update, &update.store.keys[i], keep) != 0)
			result = error_set(error, ERROR_INTERNAL, "out of memory");
	if (result == 0)
		result = keys_update_finish(&update, error);
	if (result == 0)
		result = delete (store_aside_path(update.store_file), error);
	if (result == 0)
		result = delete (store_damaged_path(update.store_file), error);
	if (result == 0)
		result = delete (store_before_path(update.store_file), error);
	/* Last: what is found is tried again. */
	if (result == 0)
		result = delete (strdup(update.store_file), error);
	keys_update_end(&update);
	return result;
}
