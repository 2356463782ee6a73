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

/*
 * A list may have 100,000 rows: each is written in one go, into room that was made for
 * the longest that it can become.
 */
#define ROW_ROOM         640 /* all but the texts */
#define BYTE_ROOM        6   /* a byte of a text, as \u001f */
#define PUT(at, literal) mempcpy(at, literal, sizeof(literal) - 1)

static char *put_string(char *at, const char *text, size_t length)
{
	json_t *string = NULL;
	char *escaped;

	*at++ = '"';
	if (is_plain(text)) {
		at = mempcpy(at, text, length);
	} else if ((string = json_stringn(text, length)) &&
		   (escaped = json_dumps(string, JSON_ENCODE_ANY))) {
		at = mempcpy(at, escaped + 1, strlen(escaped) - 2);
		free(escaped);
	}
	json_decref(string);
	*at++ = '"';
	return at;
}

static char *put_text(char *at, const struct buffer *text)
{
	return put_string(at, buffer_string(text), text->length);
}

/* A word of the agent's own, which needs no escaping; null for none. */
static char *put_word(char *at, const char *word)
{
	if (!word || !*word)
		return PUT(at, "null");
	*at++ = '"';
	at = stpcpy(at, word);
	*at++ = '"';
	return at;
}

/* printf(3) is slow at numbers. */
static char *put_number(char *at, unsigned long number)
{
	char digits[24], *first = digits + sizeof(digits);

	do
		*--first = (char)('0' + number % 10);
	while ((number /= 10));
	return mempcpy(at, first, (size_t)(digits + sizeof(digits) - first));
}

static char *put_time(char *at, time_t when)
{
	char text[32];

	return put_word(at, when ? text_time(text, sizeof(text), when) : NULL);
}

static char *put_row(char *at, const struct keys_row *row)
{
	at = PUT(at, "{\"fingerprint\":");
	at = put_word(at, row->fingerprint);
	at = PUT(at, ",\"type\":");
	at = put_word(at, row->type);
	at = PUT(at, ",\"bits\":");
	at = row->type ? put_number(at, row->bits) : PUT(at, "null");
	at = PUT(at, ",\"comment\":");
	at = put_text(at, &row->comment);
	at = PUT(at, ",\"options\":");
	at = put_text(at, &row->options);
	at = PUT(at, ",\"name\":");
	at = put_text(at, &row->name);
	at = PUT(at, ",\"source\":");
	at = row->foreign ? PUT(at, "\"foreign\"") : PUT(at, "\"instance\"");
	at = PUT(at, ",\"origin\":");
	at = put_word(at, row->origin);
	at = PUT(at, ",\"state\":");
	at = put_word(at, row->state);
	at = PUT(at, ",\"reason\":");
	at = row->reason.length ? put_text(at, &row->reason) : PUT(at, "null");
	at = PUT(at, ",\"pinned\":");
	at = row->pinned ? PUT(at, "true") : PUT(at, "false");
	at = PUT(at, ",\"added\":");
	at = put_time(at, row->added);
	at = PUT(at, ",\"expires\":");
	at = put_time(at, row->expires);
	at = PUT(at, ",\"line\":");
	at = row->line ? put_number(at, (unsigned long)row->line) : PUT(at, "null");
	return PUT(at, "}");
}

int keys_json_row(const struct keys_row *row, struct buffer *out)
{
	size_t texts =
		row->comment.length + row->options.length + row->name.length + row->reason.length;
	char *at = buffer_reserve(out, ROW_ROOM + texts * BYTE_ROOM);

	if (!at)
		return -1;
	at = put_row(at, row);
	*at = '\0';
	out->length = (size_t)(at - out->data);
	return 0;
}

static json_t *pack_short_row(const struct keys_row *row)
{
	json_t *packed = json_pack("{ss ss ss}", "fingerprint", row->fingerprint, "type", row->type,
		"comment", buffer_string(&row->comment));

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

int keys_json_list_head(const char *user, const char *file, struct buffer *out)
{
	size_t user_length = strlen(user), file_length = strlen(file);
	char *at = buffer_reserve(out, ROW_ROOM + (user_length + file_length) * BYTE_ROOM);

	if (!at)
		return -1;
	at = PUT(at, "{\"user\":");
	at = put_string(at, user, user_length);
	at = PUT(at, ",\"file\":");
	at = put_string(at, file, file_length);
	at = PUT(at, ",\"keys\":[");
	*at = '\0';
	out->length = (size_t)(at - out->data);
	return 0;
}

int keys_json_list_tail(const struct keys_report *report, struct buffer *out)
{
	json_t *notes = pack_notes(report);
	char *text = notes ? json_dumps(notes, JSON_COMPACT) : NULL;

	if (text)
		buffer_add_format(out, "],\"notes\":%s}\n", text);
	else
		out->failed = true;
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
