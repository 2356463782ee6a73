#include "keys/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "keys/report.h"
#include "keys/store.h"
#include "keys/view.h"

int row_of_stored(struct keys_row *row, const struct stored_key *key)
{
	pubkey_fingerprint(&key->key, row->fingerprint);
	row->type = key->key.type;
	row->bits = key->key.bits;
	row->origin = origin_name(key->origin);
	row->added = key->added;
	row->expires = key->expires;
	row->comment = strdup(*key->name ? key->name : key->comment);
	row->options = strdup(key->options);
	row->name = strdup(key->name);
	return row->comment && row->options && row->name ? 0 : -1;
}

/* A slice of the file as text that can be shown. */
static char *visible_copy(const char *text, size_t length)
{
	char *copy = malloc(length * 4 + 1);

	if (copy)
		text_visible(copy, length * 4 + 1, text, length);
	return copy;
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
	row->comment = visible_copy(parsed->comment, parsed->comment_length);
	row->options = visible_copy(parsed->options_text, parsed->options_length);
	row->name = strdup("");
	if (parsed->kind == KEY_LINE_INVALID)
		row->reason = strdup(parsed->error.message);
	if (parsed->key.blob) {
		row->type = parsed->key.type;
		row->bits = parsed->key.bits;
		pubkey_fingerprint(&parsed->key, row->fingerprint);
	}
	return row->comment && row->options && row->name ? 0 : -1;
}

int row_pin(struct keys_row *row, const struct stored_key *key)
{
	row->pinned = true;
	row->added = key->added;
	row->origin = origin_name(key->origin);
	free(row->name);
	row->name = strdup(key->name);
	return row->name ? 0 : -1;
}
