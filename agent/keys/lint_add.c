#include "keys/lint_add.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"

struct lint_finding *lint_add(const struct lint_line *line, const char *id, bool fails, char *sed,
	const char *format, ...)
{
	struct lint *lint = line->lint;
	struct lint_finding *grown;
	char message[512], visible[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	text_visible(visible, sizeof(visible), message, strlen(message));
	if (lint->count == lint->capacity) {
		size_t capacity = lint->capacity ? lint->capacity * 2 : 16;
		grown = reallocarray(lint->list, capacity, sizeof(*grown));
		if (!grown)
			goto fail;
		lint->list = grown;
		lint->capacity = capacity;
	}
	grown = &lint->list[lint->count];
	*grown = (struct lint_finding){.id = id, .fails = fails, .line = line->number, .sed = sed};
	grown->message = strdup(visible);
	if (!grown->message)
		goto fail;
	lint->count++;
	return grown;
fail:
	lint->failed = true;
	free(sed);
	return NULL;
}

char *lint_sed(const char *format, ...)
{
	char *script = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&script, format, arguments) < 0)
		script = NULL;
	va_end(arguments);
	return script;
}

/* As sed takes it literally, within s/…/…/: special lists what needs a backslash. */
static void add_literal(struct buffer *script, const char *text, size_t length, const char *special)
{
	for (size_t i = 0; i < length; i++) {
		if (!isprint((unsigned char)text[i]))
			buffer_add_format(script, "\\x%02x", (unsigned char)text[i]);
		else
			buffer_add_format(
				script, "%s%c", strchr(special, text[i]) ? "\\" : "", text[i]);
	}
}

/* Which of its occurrences in the line, as sed counts them; 0 if it is none of them. */
static unsigned occurrence(const struct lint_line *line, size_t offset, size_t length)
{
	const char *wanted = line->text + offset, *at = line->text;
	unsigned count = 0;

	while (at <= wanted &&
		(at = memmem(at, line->length - (size_t)(at - line->text), wanted, length))) {
		count++;
		if (at == wanted)
			return count;
		at += length;
	}
	return 0;
}

char *lint_sed_replace(
	const struct lint_line *line, size_t offset, size_t length, const char *replacement)
{
	struct buffer script = BUFFER_EMPTY;
	unsigned which = length ? occurrence(line, offset, length) : 0;

	if (!which || memchr(line->text + offset, '\0', length))
		return NULL;
	buffer_add_format(&script, "%lds/", line->number);
	add_literal(&script, line->text + offset, length, "\\.[*^$/");
	buffer_add_string(&script, "/");
	add_literal(&script, replacement, strlen(replacement), "\\&/");
	buffer_add_string(&script, "/");
	if (which > 1)
		buffer_add_format(&script, "%u", which);
	if (!script.failed)
		return script.data;
	buffer_free(&script);
	return NULL;
}
