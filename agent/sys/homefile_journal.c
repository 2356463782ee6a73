#include "sys/homefile_journal.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "sys/homefile.h"
#include "sys/homefile_merge.h"
#include "sys/statefile.h"

/* One line, then the two texts. A path has no newline: sshd would not take it either. */
#define HEAD "vastagent-journal 1 %zu %zu "

int homefile_journal_write(const char *journal, const char *path, const struct buffer *before,
	const struct buffer *after, struct error *error)
{
	struct buffer text = BUFFER_EMPTY;
	int result;

	buffer_add_format(&text, HEAD "%s\n", before->length, after->length, path);
	buffer_add(&text, before->data, before->length);
	if (buffer_add(&text, after->data, after->length) != 0)
		result = error_set(error, ERROR_INTERNAL, "out of memory");
	else
		result = statefile_write(journal, &text, error);
	buffer_free(&text);
	return result;
}

/* Finds the two texts. Returns 0, or -1 if it is not a journal about that path. */
static int parse(
	const struct buffer *text, const char *path, struct buffer *before, struct buffer *after)
{
	const char *newline = text->length ? memchr(text->data, '\n', text->length) : NULL;
	size_t head, left, first, second;
	int end = 0;

	if (!newline || sscanf(text->data, HEAD "%n", &first, &second, &end) != 2 || end <= 0)
		return -1;
	head = (size_t)(newline - text->data);
	left = text->length - head - 1;
	if ((size_t)end > head || head - (size_t)end != strlen(path) ||
		memcmp(text->data + end, path, strlen(path)) != 0 || first > left ||
		second != left - first)
		return -1;
	*before = (struct buffer){.data = text->data + head + 1, .length = first};
	*after = (struct buffer){.data = text->data + head + 1 + first, .length = second};
	return 0;
}

bool homefile_journal_repair(
	const char *journal, const char *path, const struct buffer *found, struct buffer *repaired)
{
	struct buffer text = BUFFER_EMPTY, before, after;
	bool exists, result = false;

	/* Not over a limit: it was written by this side, from texts that were not. */
	if (statefile_read(journal, 2 * HOMEFILE_LIMIT + 65536, &text, &exists, NULL) == 0 &&
		exists && parse(&text, path, &before, &after) == 0)
		result = homefile_repair(&before, &after, found, repaired);
	buffer_free(&text);
	return result;
}
