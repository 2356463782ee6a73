#include "daemon/keys_json.h"

#include <stdbool.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "keys/report.h"

/*
 * A list can have 100,000 rows, so it is written as text at once: as values of jansson it
 * would take ten times as long.
 */
static void add_string(struct buffer *out, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	char escape[] = "\\u00??";
	size_t plain;

	buffer_add(out, "\"", 1);
	for (;; text++) {
		/* Texts of rows are visible, and so valid UTF-8; controls are for safety. */
		for (plain = 0; (unsigned char)text[plain] >= 0x20 && text[plain] != '"' &&
				text[plain] != '\\';)
			plain++;
		buffer_add(out, text, plain);
		text += plain;
		if (!*text)
			break;
		escape[4] = hex[(unsigned char)*text >> 4];
		escape[5] = hex[*text & 15];
		buffer_add(out, escape, 6);
	}
	buffer_add(out, "\"", 1);
}

static void add_member(struct buffer *out, const char *name, const char *text, bool optional)
{
	buffer_add_string(out, name);
	if (optional && (!text || !*text))
		buffer_add(out, "null", 4);
	else
		add_string(out, text);
}

static void add_number(struct buffer *out, const char *name, bool known, long number)
{
	char digits[24], *at = digits + sizeof(digits);

	buffer_add_string(out, name);
	if (!known) {
		buffer_add(out, "null", 4);
		return;
	}
	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	buffer_add(out, at, (size_t)(digits + sizeof(digits) - at));
}

static void add_time(struct buffer *out, const char *name, time_t when)
{
	char text[32];

	add_member(out, name, when ? text_time(text, sizeof(text), when) : NULL, true);
}

static void add_row(struct buffer *out, const struct keys_row *row)
{
	add_member(out, "{\"fingerprint\":", row->fingerprint, true);
	add_member(out, ",\"type\":", row->type, true);
	add_number(out, ",\"bits\":", row->type != NULL, row->bits);
	add_member(out, ",\"comment\":", row->comment, false);
	add_member(out, ",\"options\":", row->options, false);
	add_member(out, ",\"name\":", row->name, false);
	add_member(out, ",\"source\":", row->foreign ? "foreign" : "instance", false);
	add_member(out, ",\"origin\":", row->origin, true);
	add_member(out, ",\"state\":", row->state, false);
	add_member(out, ",\"reason\":", row->reason, true);
	buffer_add_string(out, row->pinned ? ",\"pinned\":true" : ",\"pinned\":false");
	add_time(out, ",\"added\":", row->added);
	add_time(out, ",\"expires\":", row->expires);
	add_number(out, ",\"line\":", row->line > 0, row->line);
	buffer_add(out, "}", 1);
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
		if (json_array_append_new(rows, pack_short_row(row)) != 0) {
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

int keys_json_list(
	const char *user, const char *file, const struct keys_report *report, struct buffer *out)
{
	const char *between = "";

	add_member(out, "{\"user\":", user, false);
	add_member(out, ",\"file\":", file, false);
	buffer_add_string(out, ",\"keys\":[");
	for (size_t i = 0; i < report->row_count; i++) {
		if (report->rows[i].kind != ROW_LISTED)
			continue;
		buffer_add_string(out, between);
		add_row(out, &report->rows[i]);
		between = ",";
	}
	return buffer_add_string(out, "]}");
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
