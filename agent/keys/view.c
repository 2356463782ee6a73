#include "keys/view.h"

#include <string.h>

#include "base/buffer.h"
#include "keys/store.h"

/* So many keys are looked up in a list as quickly as a hash table of it is made. */
#define FEW 20

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * A key is two words, its type and its base64, wherever they stand: in quoted options too,
 * which only makes an entry too many.
 */
static int index_line(struct view *view, const char *text, size_t length)
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
		word_length = key_line_word(word, (size_t)(end - word));
		int found = type_length
				    ? pubkey_find_tail(type, type_length, word, word_length, &tail)
				    : 0;

		if (found < 0 || (found && key_index_add(&view->index, tail,
						   (uint32_t)(text - view->text)) != 0))
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
	size_t length;

	if (view->length >= UINT32_MAX)
		return -1;
	for (size_t at = 0; at < view->length; at += length + 1) {
		length = line_length(view, at);
		if (index_line(view, view->text + at, length) != 0)
			return -1;
	}
	return 0;
}

int view_expect(struct view *view, size_t finds)
{
	return finds > FEW && !view->index.slots ? key_index_hash(&view->index) : 0;
}

/* The line at an offset; its number is the caller's to fill. */
static void parse_line(
	const struct view *view, size_t offset, size_t length, struct view_line *line)
{
	const struct block *block = &view->block;

	line->number = 0;
	line->offset = offset;
	line->length = length;
	line->in_block = block->found && offset >= block->lines && offset < block->lines_end;
	key_line_parse(view->text + offset, length, &line->parsed);
	if (view->unread && line->parsed.error.code == ERROR_INTERNAL)
		*view->unread = true;
}

static long lines_before(const struct view *view, size_t end)
{
	long count = 0;

	for (size_t at = 0; at < end; at += line_length(view, at) + 1)
		count++;
	return count;
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
	walk.number = lines_before(view, walk.next);
	return walk;
}

bool view_next(const struct view *view, struct view_walk *walk, struct view_line *line)
{
	while (walk->next < walk->end) {
		size_t length = line_length(view, walk->next);

		view_line_free(line);
		parse_line(view, walk->next, length, line);
		line->number = ++walk->number;
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
		bool ours, is_read;

		length = line_length(view, at);
		parse_line(view, at, length, &line);
		is_read = line.parsed.error.code != ERROR_INTERNAL;
		ours = is_ours(&line, store);
		view_line_free(&line);
		/* As a line of somebody else a key would outlive its removal. */
		if (!is_read)
			return -1;
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
	const char *unlike; /* options that it must not have; NULL: any */
};

static bool has_options(const struct view_line *line, const char *options)
{
	size_t length = strlen(options);

	return line->parsed.options_length == length &&
	       (!length || memcmp(line->parsed.options_text, options, length) == 0);
}

static bool is_wanted(const struct view_line *line, const struct wanted *wanted)
{
	return line->parsed.key.blob && pubkey_equal(&line->parsed.key, wanted->key) &&
	       wanted->fits(line, wanted->now) &&
	       !(wanted->foreign && is_ours(line, wanted->store)) &&
	       !(wanted->unlike && has_options(line, wanted->unlike));
}

/* The first such line; the index has the last one first. */
static bool find(const struct view *view, const struct wanted *wanted, struct view_line *found)
{
	uint64_t tail = pubkey_tail(wanted->key);
	struct view_line first = {0}, line;
	bool is_found = false;
	size_t at;

	for (int64_t place = key_index_last(&view->index, tail, &at); place >= 0;
		place = key_index_before(&view->index, tail, &at)) {
		parse_line(view, (size_t)place, line_length(view, (size_t)place), &line);
		if (is_wanted(&line, wanted)) {
			view_line_free(&first);
			first = line;
			is_found = true;
		} else {
			view_line_free(&line);
		}
	}
	if (!found || !is_found) {
		view_line_free(&first);
	} else {
		first.number = lines_before(view, first.offset) + 1;
		*found = first;
	}
	return is_found;
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

bool view_find_unlike(const struct view *view, const struct store *store, const struct pubkey *key,
	const char *options, struct view_line *line)
{
	const struct wanted wanted = {
		.key = key, .store = store, .foreign = true, .fits = is_taken, .unlike = options};

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
	*view = (struct view){0};
}
