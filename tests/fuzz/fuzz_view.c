/* A whole file: putting the block in and taking it out gives back the same bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "keys/store.h"
#include "keys/view.h"

#define ID "0123456789abcdef"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
	if (!truth)
		abort();
}

static void check_lines(const struct view *view)
{
	long last = 0;

	for (size_t i = 0; i < view->count; i++) {
		require(view->lines[i].number > last);
		require(view->lines[i].offset + view->lines[i].length <= view->length);
		last = view->lines[i].number;
	}
	if (view->block.found)
		require(view->block.begin <= view->block.lines &&
			view->block.lines <= view->block.lines_end &&
			view->block.lines_end <= view->block.end &&
			view->block.end <= view->length);
}

static void check_round_trip(const struct buffer *foreign)
{
	struct buffer lines = BUFFER_EMPTY, file = BUFFER_EMPTY, back = BUFFER_EMPTY;
	struct block block;

	buffer_add_string(&lines, "ssh-ed25519 AAAA x\n");
	require(block_put(foreign, ID, 7, &lines, &file) == 0);
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

	require(view_parse((const char *)data, size, ID, &view) == 0);
	check_lines(&view);
	if (view.count && view.lines[0].parsed.key.blob)
		require(store_add(&store, &view.lines[0].parsed.key) != NULL);
	require(view_foreign_text(&view, &store, &foreign) == 0);
	check_round_trip(&foreign);
	store_free(&store);
	view_free(&view);
	buffer_free(&foreign);
	return 0;
}
