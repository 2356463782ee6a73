/* Listing keys: what stands in the file, and what the store holds beside it. */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/error.h"
#include "keys/manager.h"
#include "keys/rows.h"
#include "keys/update.h"

/* Lines without a key let nobody in; of more than this many in a part the rest is only
 * counted: a file of nothing else would exhaust the memory of who reads the list. */
#define JUNK_MAX 1000

/* Below this many bytes a part is not worth a thread. */
#define PART_SIZE (2L * 1024 * 1024)

struct keys_listing {
	struct keys_update update;
	size_t parts;
	atomic_size_t junk;
};

int keys_list_begin(struct keys_listing **listing, const struct keys_place *place,
	struct keys_report *report, struct error *error)
{
	struct keys_listing *begun = calloc(1, sizeof(*begun));

	*listing = begun;
	if (!begun)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	if (keys_update_begin(&begun->update, place, true, report, error) != 0)
		return -1;
	begun->parts = begun->update.view.length / PART_SIZE + 1;
	return 0;
}

size_t keys_list_parts(const struct keys_listing *listing)
{
	return listing->parts;
}

static int fill_row(
	const struct keys_update *update, const struct view_line *line, struct keys_row *row)
{
	const struct stored_key *key =
		line->parsed.key.blob ? store_find(&update->store, &line->parsed.key) : NULL;

	keys_row_reset(row, ROW_LISTED);
	if (row_of_line(row, line, update->now) != 0)
		return -1;
	if (key && line->in_block) {
		row->foreign = false;
		row->added = key->added;
		row->origin = origin_name(key->origin);
		return buffer_add_string(&row->name, key->name);
	}
	return key && !key->removed ? row_pin(row, key) : 0;
}

/* Keys of the store that stand in no line of the file. */
static int list_absent(
	const struct keys_update *update, struct keys_row *row, keys_row_sink *sink, void *context)
{
	for (size_t i = 0; i < update->store.count; i++) {
		const struct stored_key *key = &update->store.keys[i];

		if (view_find(&update->view, &update->store, &key->key, false, NULL))
			continue;
		keys_row_reset(row, ROW_LISTED);
		row->state = key->removed                     ? "removed"
			     : keys_update_wants(update, key) ? "pending"
							      : "expired";
		if (key->removed)
			buffer_add_string(&row->reason,
				key->by_hand ? "taken out of the file by hand" : "rmkey");
		if (row_of_stored(row, key) != 0 || sink(context, row) != 0)
			return -1;
	}
	return 0;
}

int keys_list_part(struct keys_listing *listing, size_t part, keys_row_sink *sink, void *context)
{
	const struct keys_update *update = &listing->update;
	struct view_walk walk = view_part(&update->view, part, listing->parts);
	struct keys_row row = {0};
	struct view_line line = {0};
	size_t junk = 0;
	int result = 0;

	while (result == 0 && view_next(&update->view, &walk, &line)) {
		if (!line.parsed.key.blob && ++junk > JUNK_MAX)
			continue;
		result = fill_row(update, &line, &row) == 0 ? sink(context, &row) : -1;
	}
	view_line_free(&line);
	if (junk > JUNK_MAX)
		atomic_fetch_add(&listing->junk, junk - JUNK_MAX);
	if (result == 0 && part + 1 == listing->parts)
		result = list_absent(update, &row, sink, context);
	keys_row_free(&row);
	return update->unread ? -1 : result;
}

void keys_list_end(struct keys_listing *listing)
{
	if (!listing)
		return;
	if (listing->junk)
		buffer_add_format(&listing->update.report->notes,
			"%zu more lines that are no keys are not listed\n", listing->junk);
	keys_update_end(&listing->update);
	free(listing);
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
