#include "daemon/keys_json.h"

#include <string.h>

#include "base/text.h"
#include "keys/report.h"

static json_t *pack_time(time_t when)
{
	char text[32];

	return when ? json_string(text_time(text, sizeof(text), when)) : json_null();
}

static json_t *pack_optional(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

static json_t *pack_row(const struct keys_row *row)
{
	return json_pack("{so so so ss ss ss ss so ss so sb so so so}", "fingerprint",
		pack_optional(row->fingerprint), "type", pack_optional(row->type), "bits",
		row->type ? json_integer(row->bits) : json_null(), "comment", row->comment,
		"options", row->options, "name", row->name, "source",
		row->foreign ? "foreign" : "instance", "origin", pack_optional(row->origin),
		"state", row->state, "reason", pack_optional(row->reason), "pinned", row->pinned,
		"added", pack_time(row->added), "expires", pack_time(row->expires), "line",
		row->line ? json_integer(row->line) : json_null());
}

static json_t *pack_short_row(const struct keys_row *row)
{
	json_t *packed = json_pack("{ss ss ss}", "fingerprint", row->fingerprint, "type", row->type,
		"comment", row->comment);

	if (packed && row->kind == ROW_LEFT)
		json_object_set_new(packed, "line", json_integer(row->line));
	return packed;
}

static json_t *pack_rows(const struct keys_report *report, enum keys_row_kind kind)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < report->row_count; i++) {
		const struct keys_row *row = &report->rows[i];

		if (row->kind != kind)
			continue;
		/* A row that cannot be packed must not silently be missing. */
		if (json_array_append_new(
			    rows, kind == ROW_LISTED ? pack_row(row) : pack_short_row(row)) != 0) {
			json_decref(rows);
			return NULL;
		}
	}
	return rows;
}

static json_t *pack_rejects(const struct keys_report *report)
{
	json_t *rejects = json_array();

	for (size_t i = 0; i < report->reject_count; i++)
		json_array_append_new(rejects,
			json_pack("{sI ss ss}", "line", (json_int_t)report->rejects[i].line, "code",
				error_name(report->rejects[i].code), "reason",
				report->rejects[i].reason));
	return rejects;
}

static json_t *pack_notes(const struct keys_report *report)
{
	json_t *notes = json_array();
	const char *text = buffer_string(&report->notes), *end;

	for (; *text; text = end + 1) {
		end = strchrnul(text, '\n');
		json_array_append_new(notes, json_stringn(text, (size_t)(end - text)));
		if (!*end)
			break;
	}
	return notes;
}

json_t *keys_json_list(const char *user, const char *file, const struct keys_report *report)
{
	return json_pack("{ss ss so so}", "user", user, "file", file, "keys",
		pack_rows(report, ROW_LISTED), "notes", pack_notes(report));
}

json_t *keys_json_added(const char *user, const char *file, const struct keys_report *report)
{
	return json_pack("{ss ss so so so so}", "user", user, "file", file, "added",
		pack_rows(report, ROW_ADDED), "existing", pack_rows(report, ROW_EXISTING),
		"rejected", pack_rejects(report), "notes", pack_notes(report));
}

json_t *keys_json_removed(const char *user, const char *file, const struct keys_report *report)
{
	return json_pack("{ss ss so so sb so}", "user", user, "file", file, "removed",
		pack_rows(report, ROW_REMOVED), "left", pack_rows(report, ROW_LEFT), "complete",
		!report->incomplete, "notes", pack_notes(report));
}
