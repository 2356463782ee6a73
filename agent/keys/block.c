#include "keys/block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

#define WORDS                                                                                      \
	"; these keys are kept by vastagent: remove somebody with 'vastagent rmkey NAME',"         \
	" stop restoring with 'vastagent pause'"

static bool starts_with(const char *text, size_t length, const char *prefix)
{
	size_t prefix_length = strlen(prefix);

	return length >= prefix_length && memcmp(text, prefix, prefix_length) == 0;
}

/* Reads what stands behind "BEGIN vastagent ID ". */
static bool parse_begin(const char *text, size_t length, struct block *block)
{
	char copy[64], *end;
	size_t used = length < sizeof(copy) - 1 ? length : sizeof(copy) - 1;

	memcpy(copy, text, used);
	copy[used] = '\0';
	if (copy[0] < '0' || copy[0] > '9')
		return false;
	block->generation = strtoul(copy, &end, 10);
	block->joined = strncmp(end, " joined", 7) == 0;
	return *end == ';' || *end == ' ' || *end == '\0';
}

void block_find(const char *text, size_t length, const char *id, struct block *block)
{
	char begin[64], end[64];
	struct block open = {0};
	size_t line_length, next;

	*block = (struct block){0};
	snprintf(begin, sizeof(begin), "# BEGIN vastagent %s ", id);
	snprintf(end, sizeof(end), "# END vastagent %s", id);
	for (size_t at = 0; at < length; at = next) {
		const char *mark = memchr(text + at, '#', length - at), *newline;

		/* Keys have none of these, so that most of a file is passed over at once. */
		if (!mark)
			break;
		at = (size_t)(mark - text);
		next = at + 1;
		if (at > 0 && text[at - 1] != '\n')
			continue;
		newline = memchr(mark, '\n', length - at);
		line_length = newline ? (size_t)(newline - mark) : length - at;
		next = at + line_length + (newline ? 1 : 0);
		if (starts_with(text + at, line_length, begin)) {
			open = (struct block){.begin = at, .lines = next};
			open.found = parse_begin(
				text + at + strlen(begin), line_length - strlen(begin), &open);
		} else if (open.found && starts_with(text + at, line_length, end)) {
			open.lines_end = at;
			open.end = next;
			*block = open;
			open.found = false;
		}
	}
	if (block->joined && (block->begin == 0 || text[block->begin - 1] != '\n'))
		block->joined = false;
}

int block_take_out(
	const char *text, size_t length, const struct block *block, struct buffer *foreign)
{
	size_t before = block->begin;

	if (!block->found)
		return buffer_add(foreign, text, length);
	if (block->joined && block->end == length)
		before--;
	buffer_add(foreign, text, before);
	return buffer_add(foreign, text + block->end, length - block->end);
}

int block_append(
	struct buffer *text, const char *id, unsigned long generation, const struct buffer *lines)
{
	bool joined = text->length && text->data[text->length - 1] != '\n';

	if (!lines->length)
		return text->failed ? -1 : 0;
	buffer_add_format(text, "%s# BEGIN vastagent %s %lu%s%s\n", joined ? "\n" : "", id,
		generation, joined ? " joined" : "", WORDS);
	buffer_add(text, lines->data, lines->length);
	return buffer_add_format(text, "# END vastagent %s\n", id);
}
