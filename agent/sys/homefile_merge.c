#include "sys/homefile_merge.h"

#include <string.h>

#include "base/buffer.h"

bool homefile_equal(const struct buffer *a, const struct buffer *b)
{
	return a->length == b->length && (!a->length || memcmp(a->data, b->data, a->length) == 0);
}

/* memcmp(3) does not say where, but is quick to find the stretch. */
#define STRETCH 4096

size_t homefile_common(const struct buffer *a, const struct buffer *b)
{
	size_t end = a->length < b->length ? a->length : b->length;
	size_t at = 0;

	while (at + STRETCH <= end && memcmp(a->data + at, b->data + at, STRETCH) == 0)
		at += STRETCH;
	while (at < end && a->data[at] == b->data[at])
		at++;
	return at;
}

size_t homefile_common_end(const struct buffer *a, const struct buffer *b, size_t common)
{
	size_t end = (a->length < b->length ? a->length : b->length) - common;
	const char *a_end = a->data + a->length, *b_end = b->data + b->length;
	size_t at = 0;

	while (at + STRETCH <= end &&
		memcmp(a_end - at - STRETCH, b_end - at - STRETCH, STRETCH) == 0)
		at += STRETCH;
	while (at < end && a_end[-1 - (ptrdiff_t)at] == b_end[-1 - (ptrdiff_t)at])
		at++;
	return at;
}

static bool begins_with(const struct buffer *whole, const struct buffer *start)
{
	return whole->length >= start->length && homefile_common(whole, start) == start->length;
}

static void end_line(struct buffer *text)
{
	if (text->length && text->data[text->length - 1] != '\n')
		buffer_add_string(text, "\n");
}

/* The bytes of text from an offset on, as lines of their own. */
static void add_rest(struct buffer *merged, const struct buffer *text, size_t from)
{
	/* A newline that ends a line begun before belongs to that line. */
	if (from > 0 && from < text->length && text->data[from - 1] != '\n' &&
		text->data[from] == '\n')
		from++;
	if (from >= text->length)
		return;
	end_line(merged);
	buffer_add(merged, text->data + from, text->length - from);
}

static size_t line_length(const struct buffer *text, size_t at)
{
	const char *newline = memchr(text->data + at, '\n', text->length - at);

	return newline ? (size_t)(newline - (text->data + at)) : text->length - at;
}

static bool has_line(const struct buffer *text, const char *line, size_t length)
{
	size_t here;

	for (size_t at = 0; at < text->length; at += here + 1) {
		here = line_length(text, at);
		if (here == length && memcmp(text->data + at, line, length) == 0)
			return true;
	}
	return false;
}

static void add_new_lines(
	const struct buffer *before, const struct buffer *late, struct buffer *merged)
{
	size_t length;

	for (size_t at = 0; at < late->length; at += length + 1) {
		length = line_length(late, at);
		if (!length || has_line(before, late->data + at, length) ||
			has_line(merged, late->data + at, length))
			continue;
		end_line(merged);
		buffer_add(merged, late->data + at, length);
		buffer_add_string(merged, "\n");
	}
}

int homefile_merge(const struct buffer *before, const struct buffer *mine,
	const struct buffer *late, const struct buffer *current, bool lines, struct buffer *merged)
{
	if (begins_with(late, before)) {
		buffer_add(merged, current->data, current->length);
		add_rest(merged, late, before->length);
	} else if (begins_with(current, mine)) {
		buffer_add(merged, late->data, late->length);
		add_rest(merged, current, mine->length);
	} else {
		buffer_add(merged, current->data, current->length);
		if (lines)
			add_new_lines(before, late, merged);
	}
	return merged->failed ? -1 : 0;
}

static bool has_at(const struct buffer *text, size_t at, const struct buffer *other)
{
	return other->length > at && text->length >= other->length &&
	       memcmp(text->data + at, other->data + at, other->length - at) == 0;
}

bool homefile_repair(const struct buffer *before, const struct buffer *after,
	const struct buffer *found, struct buffer *repaired)
{
	size_t written = homefile_common(found, after), rest;

	if (has_at(found, written, before))
		rest = before->length; /* broken off before the end, or not yet cut */
	else if (written == after->length || written >= before->length)
		rest = written;
	else
		return false;
	buffer_add(repaired, after->data, after->length);
	return buffer_add(repaired, found->data + rest, found->length - rest) == 0;
}
