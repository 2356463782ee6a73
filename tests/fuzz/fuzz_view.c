/* A whole file: putting the block in and taking it out gives back the same bytes. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "keys/store.h"
#include "keys/view.h"

#define ID "0123456789abcdef"

static void check_block(const struct view *view)
{
	if (view->block.found)
		require(view->block.begin <= view->block.lines &&
			view->block.lines <= view->block.lines_end &&
			view->block.lines_end <= view->block.end &&
			view->block.end <= view->length);
}

/* Each key that sshd can take is found, and no line before it has the same one. */
static void check_found(const struct view *view, const struct view_line *line)
{
	struct view_line found;

	if (line->parsed.kind != KEY_LINE_KEY)
		return;
	require(view_find(view, NULL, &line->parsed.key, false, &found));
	require(found.number <= line->number && pubkey_equal(&found.parsed.key, &line->parsed.key));
	view_line_free(&found);
}

/* A walk sees what three walks over parts see. */
static void check_walks(const struct view *view)
{
	struct view_walk walk = {.end = view->length}, part = view_part(view, 0, 3);
	struct view_line line = {0}, same = {0};
	size_t number = 0;
	long last = 0;

	while (view_next(view, &walk, &line)) {
		require(line.number > last);
		require(line.offset + line.length <= view->length);
		last = line.number;
		check_found(view, &line);
		while (!view_next(view, &part, &same)) {
			require(++number < 3);
			part = view_part(view, number, 3);
		}
		require(same.number == line.number && same.offset == line.offset);
	}
	while (!view_next(view, &part, &same) && ++number < 3)
		part = view_part(view, number, 3);
	require(number == 3);
}

/* A store that knows the first key of the file. */
static void know_first(const struct view *view, struct store *store)
{
	struct view_walk walk = {.end = view->length};
	struct view_line line = {0};

	if (view_next(view, &walk, &line) && line.parsed.key.blob)
		require(store_add(store, &line.parsed.key) != NULL);
	view_line_free(&line);
}

static int put(const struct buffer *foreign, unsigned long generation, const struct buffer *lines,
	struct buffer *file)
{
	buffer_add(file, buffer_string(foreign), foreign->length);
	return block_append(file, ID, generation, lines);
}

static void check_round_trip(const struct buffer *foreign)
{
	struct buffer lines = BUFFER_EMPTY, file = BUFFER_EMPTY, back = BUFFER_EMPTY;
	struct block block;

	buffer_add_string(&lines, "ssh-ed25519 AAAA x\n");
	require(put(foreign, 7, &lines, &file) == 0);
	block_find(file.data, file.length, ID, &block);
	require(block.found && block.generation == 7);
	require(block_take_out(file.data, file.length, &block, &back) == 0);
	require(back.length == foreign->length &&
		(!back.length || memcmp(back.data, foreign->data, back.length) == 0));
	buffer_free(&lines);
	buffer_free(&file);
	buffer_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer foreign = BUFFER_EMPTY;
	struct store store = {.id = ID};
	struct view view;

	view_begin((const char *)data, size, ID, &view);
	require(view_index(&view) == 0 && view_expect(&view, size % 2 ? 0 : 1000) == 0);
	check_block(&view);
	check_walks(&view);
	know_first(&view, &store);
	require(view_foreign_text(&view, &store, &foreign) == 0);
	check_round_trip(&foreign);
	store_free(&store);
	view_free(&view);
	buffer_free(&foreign);
	return 0;
}
