#include "daemon/keys_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "keys/report.h"

/* Text that JSON takes as it is; anything else is the library's to escape. */
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text == 0x7f || *text == '"' || *text == '\\')
			return false;
	return true;
}

static void add_string(struct buffer *out, const char *text)
{
	json_t *string = NULL;
	char *escaped;

	if (is_plain(text)) {
		buffer_add(out, "\"", 1);
		buffer_add_string(out, text);
		buffer_add(out, "\"", 1);
		return;
	}
	string = json_string(text);
	escaped = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
	if (escaped)
		buffer_add_string(out, escaped);
	else
		out->failed = true;
	free(escaped);
	json_decref(string);
}

/* ,"name":"text", or null for no text. */
static void add_member(struct buffer *out, const char *name, const char *text, bool optional)
{
	buffer_add(out, ",\"", 2);
	buffer_add_string(out, name);
	buffer_add(out, "\":", 2);
	if (optional && (!text || !*text))
		buffer_add_string(out, "null");
	else
		add_string(out, text);
}

static void add_time(struct buffer *out, const char *name, time_t when)
{
	char text[32];

	add_member(out, name, when ? text_time(text, sizeof(text), when) : NULL, true);
}

static void add_number(struct buffer *out, const char *name, long number)
{
	if (number)
		buffer_add_format(out, ",\"%s\":%ld", name, number);
	else
		buffer_add_format(out, ",\"%s\":null", name);
}

static void add_row(struct buffer *out, const struct keys_row *row)
{
	buffer_add_string(out, row->pinned ? "{\"pinned\":true" : "{\"pinned\":false");
	add_member(out, "fingerprint", row->fingerprint, true);
	add_member(out, "type", row->type, true);
	add_number(out, "bits", row->type ? (long)row->bits : 0);
	add_member(out, "comment", row->comment, false);
	add_member(out, "options", row->options, false);
	add_member(out, "name", row->name, false);
	add_member(out, "source", row->foreign ? "foreign" : "instance", false);
	add_member(out, "origin", row->origin, true);
	add_member(out, "state", row->state, false);
	add_member(out, "reason", row->reason, true);
	add_time(out, "added", row->added);
	add_time(out, "expires", row->expires);
	add_number(out, "line", row->line);
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
	json_t *notes = pack_notes(report);
	char *text = notes ? json_dumps(notes, JSON_COMPACT) : NULL;
	bool first = true;

	buffer_add_string(out, "{\"user\":");
	add_string(out, user);
	add_member(out, "file", file, false);
	buffer_add_string(out, ",\"keys\":[");
	for (size_t i = 0; i < report->row_count; i++) {
		if (report->rows[i].kind != ROW_LISTED)
			continue;
		if (!first)
			buffer_add(out, ",", 1);
		add_row(out, &report->rows[i]);
		first = false;
	}
	buffer_add_format(out, "],\"notes\":%s}", text ? text : "[]");
	free(text);
	json_decref(notes);
	return out->failed ? -1 : 0;
}

json_t *keys_json_bytes(const char *user, const char *file, const struct keys_report *report)
{
	return json_pack(
		"{ss ss ss}", "user", user, "file", file, "base64", buffer_string(&report->bytes));
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
