#include "keys/rows.h"

#include "base/text.h"
#include "keys/report.h"
#include "keys/store.h"
#include "keys/view.h"

static bool row_is_whole(const struct keys_row *row)
{
	return !row->comment.failed && !row->options.failed && !row->name.failed &&
	       !row->reason.failed;
}

int row_of_stored(struct keys_row *row, const struct stored_key *key)
{
	pubkey_fingerprint(&key->key, row->fingerprint);
	row->type = key->key.type;
	row->bits = key->key.bits;
	row->origin = origin_name(key->origin);
	row->added = key->added;
	row->expires = key->expires;
	buffer_add_string(&row->comment, *key->name ? key->name : key->comment);
	buffer_add_string(&row->options, key->options);
	buffer_add_string(&row->name, key->name);
	return row_is_whole(row) ? 0 : -1;
}

/* A slice of the file as text that can be shown. */
static void add_visible(struct buffer *out, const char *text, size_t length)
{
	char *copy;

	if (!length || !(copy = buffer_reserve(out, length * 4 + 1)))
		return;
	out->length += text_visible(copy, length * 4 + 1, text, length);
}

static const char *line_state(const struct key_line *line, time_t now)
{
	if (line->kind == KEY_LINE_INVALID)
		return "invalid";
	return key_is_expired(line->options.expires, now) ? "expired" : "active";
}

int row_of_line(struct keys_row *row, const struct view_line *line, time_t now)
{
	const struct key_line *parsed = &line->parsed;

	row->foreign = true;
	row->line = line->number;
	row->state = line_state(parsed, now);
	row->expires = parsed->options.expires;
	add_visible(&row->comment, parsed->comment, parsed->comment_length);
	add_visible(&row->options, parsed->options_text, parsed->options_length);
	if (parsed->kind == KEY_LINE_INVALID)
		buffer_add_string(&row->reason, parsed->error.message);
	if (parsed->key.blob) {
		row->type = parsed->key.type;
		row->bits = parsed->key.bits;
		pubkey_fingerprint(&parsed->key, row->fingerprint);
	}
	return row_is_whole(row) ? 0 : -1;
}

int row_pin(struct keys_row *row, const struct stored_key *key)
{
	row->pinned = true;
	row->added = key->added;
	row->origin = origin_name(key->origin);
	buffer_clear(&row->name);
	return buffer_add_string(&row->name, key->name);
}
