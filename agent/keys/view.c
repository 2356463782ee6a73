#include "keys/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "keys/store.h"

/* Where something that may be a key stands. */
struct view_place {
	size_t offset; /* of its line */
	long number;
};

static int add_place(struct view *view, const struct view_place *place, uint64_t tail)
{
	struct view_place *grown;

	if (view->index.count == view->capacity) {
		size_t capacity = view->capacity ? view->capacity * 2 : 64;

		grown = reallocarray(view->places, capacity, sizeof(*grown));
		if (!grown)
			return -1;
		view->places = grown;
		view->capacity = capacity;
	}
	view->places[view->index.count] = *place;
	return key_index_add(&view->index, tail);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * A key is two words, its type and its base64, wherever they stand: in quoted options too,
 * which only makes an entry too many.
 */
static int index_line(
	struct view *view, const char *text, size_t length, const struct view_place *place)
{
	const char *end = text + strnlen(text, length), *type = text, *word = text;
	size_t type_length = 0, word_length;
	uint64_t tail;

	while (word < end && is_blank(*word))
		word++;
	if (word == end || *word == '#')
		return 0;
	for (; word < end; type = word, type_length = word_length, word += word_length) {
		while (word < end && is_blank(*word))
			word++;
		for (word_length = 0; word + word_length < end && !is_blank(word[word_length]);)
			word_length++;
		if (type_length && pubkey_find_tail(type, type_length, word, word_length, &tail) &&
			add_place(view, place, tail) != 0)
			return -1;
	}
	return 0;
}

static size_t line_length(const struct view *view, size_t at)
{
	const char *newline = memchr(view->text + at, '\n', view->length - at);

	return newline ? (size_t)(newline - (view->text + at)) : view->length - at;
}

void view_begin(const char *text, size_t length, const char *store_id, struct view *view)
{
	*view = (struct view){.text = text, .length = length};
	if (*store_id)
		block_find(text, length, store_id, &view->block);
}

int view_index(struct view *view)
{
	struct view_place place = {0};
	size_t length;

	for (; place.offset < view->length; place.offset += length + 1) {
		length = line_length(view, place.offset);
		place.number++;
		if (index_line(view, view->text + place.offset, length, &place) != 0)
			return -1;
	}
	return 0;
}

static void parse_line(const struct view *view, const struct view_place *place, size_t length,
	struct view_line *line)
{
	const struct block *block = &view->block;

	line->number = place->number;
	line->offset = place->offset;
	line->length = length;
	line->in_block =
		block->found && place->offset >= block->lines && place->offset < block->lines_end;
	key_line_parse(view->text + place->offset, length, &line->parsed);
}

/* Where the line that holds the byte at ends; the text's length for the last one. */
static size_t line_after(const struct view *view, size_t at)
{
	size_t end = at + line_length(view, at) + 1;

	return end < view->length ? end : view->length;
}

struct view_walk view_part(const struct view *view, size_t part, size_t parts)
{
	size_t size = view->length / parts;
	struct view_walk walk = {.end = view->length};

	if (part > 0 && size > 0)
		walk.next = line_after(view, part * size - 1);
	if (part + 1 < parts)
		walk.end = size > 0 ? line_after(view, (part + 1) * size - 1) : 0;
	for (size_t at = 0; at < walk.next; at += line_length(view, at) + 1)
		walk.number++;
	return walk;
}

bool view_next(const struct view *view, struct view_walk *walk, struct view_line *line)
{
	while (walk->next < walk->end) {
		struct view_place place = {.offset = walk->next, .number = ++walk->number};
		size_t length = line_length(view, walk->next);

		view_line_free(line);
		parse_line(view, &place, length, line);
		walk->next += length + 1;
		if (line->parsed.kind != KEY_LINE_BLANK && line->parsed.kind != KEY_LINE_COMMENT)
			return true;
	}
	view_line_free(line);
	return false;
}

/* Between the markers, the agent's are the lines whose keys its store knows. */
static bool is_ours(const struct view_line *line, const struct store *store)
{
	return line->in_block && line->parsed.key.blob && store_find(store, &line->parsed.key);
}

/* Comments and keys that somebody else put between the markers. */
static int add_strangers(const struct view *view, const struct store *store, struct buffer *foreign)
{
	const struct block *block = &view->block;
	struct view_line line = {0};
	size_t length;

	for (size_t at = block->lines; at < block->lines_end; at += length + 1) {
		struct view_place place = {.offset = at};
		bool ours;

		length = line_length(view, at);
		parse_line(view, &place, length, &line);
		ours = is_ours(&line, store);
		view_line_free(&line);
		if (ours)
			continue;
		if (foreign->length && foreign->data[foreign->length - 1] != '\n')
			buffer_add_string(foreign, "\n");
		buffer_add(foreign, view->text + at, length + 1);
	}
	return foreign->failed ? -1 : 0;
}

int view_foreign_text(const struct view *view, const struct store *store, struct buffer *foreign)
{
	block_take_out(view->text, view->length, &view->block, foreign);
	return view->block.found ? add_strangers(view, store, foreign) : foreign->failed ? -1 : 0;
}

/* What a line must be to be found. */
struct wanted {
	const struct pubkey *key;
	const struct store *store;
	bool foreign;
	bool (*fits)(const struct view_line *line, time_t now);
	time_t now;
};

static bool find(const struct view *view, const struct wanted *wanted, struct view_line *found)
{
	size_t at = key_index_first(&view->index, pubkey_tail(wanted->key));

	for (; at; at = key_index_next(&view->index, at)) {
		const struct view_place *place = &view->places[at - 1];
		struct view_line line;

		parse_line(view, place, line_length(view, place->offset), &line);
		if (line.parsed.key.blob && pubkey_equal(&line.parsed.key, wanted->key) &&
			wanted->fits(&line, wanted->now) &&
			!(wanted->foreign && is_ours(&line, wanted->store))) {
			if (found)
				*found = line;
			else
				view_line_free(&line);
			return true;
		}
		view_line_free(&line);
	}
	return false;
}

static bool is_taken(const struct view_line *line, time_t now)
{
	(void)now;
	return line->parsed.kind == KEY_LINE_KEY;
}

bool view_find(const struct view *view, const struct store *store, const struct pubkey *key,
	bool foreign, struct view_line *line)
{
	const struct wanted wanted = {
		.key = key, .store = store, .foreign = foreign, .fits = is_taken};

	return find(view, &wanted, line);
}

bool view_lets_in(const struct view_line *line, time_t now)
{
	const struct key_options *options = &line->parsed.options;

	return line->parsed.kind == KEY_LINE_KEY && !options->cert_authority &&
	       !key_is_expired(options->expires, now);
}

bool view_find_other(const struct view *view, const struct store *store, const struct pubkey *key,
	time_t now, struct view_line *line)
{
	const struct wanted wanted = {
		.key = key, .store = store, .foreign = true, .fits = view_lets_in, .now = now};

	return find(view, &wanted, line);
}

void view_line_free(struct view_line *line)
{
	key_line_free(&line->parsed);
}

void view_free(struct view *view)
{
	key_index_free(&view->index);
	free(view->places);
	*view = (struct view){0};
}
