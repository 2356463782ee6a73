/* Listing keys: what stands in the file, and what the store holds beside it. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "keys/manager.h"
#include "keys/rows.h"
#include "keys/update.h"

static int list_lines(struct keys_update *update)
{
	for (size_t i = 0; i < update->view.count; i++) {
		const struct view_line *line = &update->view.lines[i];
		const struct stored_key *key =
			line->parsed.key.blob ? store_find(&update->store, &line->parsed.key)
					      : NULL;
		struct keys_row *row = keys_report_row(update->report, ROW_LISTED);

		if (!row || row_of_line(row, line, update->now) != 0)
			return -1;
		if (key && line->in_block) {
			row->foreign = false;
			row->added = key->added;
			row->origin = origin_name(key->origin);
			free(row->name);
			row->name = strdup(key->name);
			if (!row->name)
				return -1;
		} else if (key && !key->removed && row_pin(row, key) != 0) {
			return -1;
		}
	}
	return 0;
}

/* Keys of the store that stand in no line of the file. */
static int list_absent(struct keys_update *update)
{
	for (size_t i = 0; i < update->store.count; i++) {
		const struct stored_key *key = &update->store.keys[i];
		struct keys_row *row;

		if (view_find(&update->view, &update->store, &key->key, false))
			continue;
		row = keys_report_row(update->report, ROW_LISTED);
		if (!row || row_of_stored(row, key) != 0)
			return -1;
		row->state = key->removed                     ? "removed"
			     : keys_update_wants(update, key) ? "pending"
							      : "expired";
		if (key->removed) {
			row->reason =
				strdup(key->by_hand ? "taken out of the file by hand" : "rmkey");
			if (!row->reason)
				return -1;
		}
	}
	return 0;
}

int keys_list(const struct keys_place *place, struct keys_report *report, struct error *error)
{
	struct keys_update update;
	int result = keys_update_begin(&update, place, true, report, error);

	if (result == 0 && update.view.junk)
		buffer_add_format(&report->notes,
			"%zu more lines that are no keys are not listed\n", update.view.junk);
	if (result == 0 && (list_lines(&update) != 0 || list_absent(&update) != 0))
		result = error_set(error, ERROR_INTERNAL, "out of memory");
	keys_update_end(&update);
	return result;
}

int keys_foreign_bytes(const struct keys_place *place, struct buffer *bytes, struct error *error)
{
	struct keys_report report = {0};
	struct keys_update update;
	int result = keys_update_begin(&update, place, true, &report, error);

	if (result == 0 && view_foreign_text(&update.view, &update.store, bytes) != 0)
		result = error_set(error, ERROR_INTERNAL, "out of memory");
	keys_update_end(&update);
	keys_report_free(&report);
	return result;
}
