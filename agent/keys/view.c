#include "keys/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "keys/store.h"

static int add_line(struct view *view, size_t *capacity, const struct view_line *line)
{
	struct view_line *grown;

	if (view->count == *capacity) {
		*capacity = *capacity ? *capacity * 2 : 16;
		grown = reallocarray(view->lines, *capacity, sizeof(*grown));
		if (!grown)
			return -1;
		view->lines = grown;
	}
	view->lines[view->count++] = *line;
	return 0;
}

static bool is_inside(const struct block *block, size_t offset)
{
	return block->found && offset >= block->lines && offset < block->lines_end;
}

static struct key_array key_array(const struct view *view)
{
	return KEY_ARRAY(view->lines, parsed.key);
}

/* Backwards, so that the first line of each key is found, and leads to the others. */
static int index_keys(struct view *view)
{
	for (size_t i = view->count; i-- > 0;) {
		struct view_line *line = &view->lines[i];

		if (!line->parsed.key.blob)
			continue;
		line->next = key_index_find(&view->index, key_array(view), &line->parsed.key) + 1;
		if (key_index_put(&view->index, key_array(view), i) != 0)
			return -1;
	}
	return 0;
}

/* The next line with the key, behind one that was found (NULL: the first). */
static const struct view_line *next_with_key(
	const struct view *view, const struct view_line *line, const struct pubkey *key)
{
	size_t next = line ? line->next : key_index_find(&view->index, key_array(view), key) + 1;

	return next ? &view->lines[next - 1] : NULL;
}

int view_parse(const char *text, size_t length, const char *store_id, struct view *view)
{
	size_t capacity = 0, line_length;
	const char *newline;
	size_t junk = 0;
	long number = 1;

	*view = (struct view){.text = text, .length = length};
	block_find(text, length, store_id, &view->block);
	for (size_t at = 0; at < length; at += line_length + 1, number++) {
		struct view_line line = {.number = number, .offset = at};

		newline = memchr(text + at, '\n', length - at);
		line_length = newline ? (size_t)(newline - (text + at)) : length - at;
		line.length = line_length;
		line.in_block = is_inside(&view->block, at);
		key_line_parse(text + at, line_length, &line.parsed);
		if (line.parsed.kind == KEY_LINE_BLANK || line.parsed.kind == KEY_LINE_COMMENT)
			continue;
		if (!line.parsed.key.blob && ++junk > VIEW_JUNK_MAX) {
			view->junk++;
			continue;
		}
		if (add_line(view, &capacity, &line) != 0) {
			key_line_free(&line.parsed);
			return -1;
		}
	}
	return index_keys(view);
}

/* Between the markers, the agent's are the lines whose keys its store knows. */
static bool is_ours(const struct view_line *line, const struct store *store)
{
	return line->in_block && line->parsed.key.blob && store_find(store, &line->parsed.key);
}

static const struct view_line *line_at(const struct view *view, size_t offset)
{
	size_t low = 0, high = view->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (view->lines[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < view->count && view->lines[low].offset == offset ? &view->lines[low] : NULL;
}

/* Comments and keys that somebody else put between the markers. */
static int add_strangers(const struct view *view, const struct store *store, struct buffer *foreign)
{
	const struct block *block = &view->block;
	const struct view_line *line;
	size_t length;

	for (size_t at = block->lines; at < block->lines_end; at += length) {
		const char *newline = memchr(view->text + at, '\n', block->lines_end - at);
		length =
			newline ? (size_t)(newline - (view->text + at)) + 1 : block->lines_end - at;
		line = line_at(view, at);
		if (line && is_ours(line, store))
			continue;
		if (foreign->length && foreign->data[foreign->length - 1] != '\n')
			buffer_add_string(foreign, "\n");
		buffer_add(foreign, view->text + at, length);
	}
	return foreign->failed ? -1 : 0;
}

int view_foreign_text(const struct view *view, const struct store *store, struct buffer *foreign)
{
	block_take_out(view->text, view->length, &view->block, foreign);
	return view->block.found ? add_strangers(view, store, foreign) : foreign->failed ? -1 : 0;
}

const struct view_line *view_find(
	const struct view *view, const struct store *store, const struct pubkey *key, bool foreign)
{
	const struct view_line *line = NULL;

	while ((line = next_with_key(view, line, key)))
		if (line->parsed.kind == KEY_LINE_KEY && !(foreign && is_ours(line, store)))
			return line;
	return NULL;
}

bool view_lets_in(const struct view_line *line, time_t now)
{
	const struct key_options *options = &line->parsed.options;

	return line->parsed.kind == KEY_LINE_KEY && !options->cert_authority &&
	       !key_is_expired(options->expires, now);
}

const struct view_line *view_find_other(
	const struct view *view, const struct store *store, const struct pubkey *key, time_t now)
{
	const struct view_line *line = NULL;

	while ((line = next_with_key(view, line, key)))
		if (view_lets_in(line, now) && !is_ours(line, store))
			return line;
	return NULL;
}

void view_free(struct view *view)
{
	for (size_t i = 0; i < view->count; i++)
		key_line_free(&view->lines[i].parsed);
	free(view->lines);
	key_index_free(&view->index);
	*view = (struct view){0};
}
