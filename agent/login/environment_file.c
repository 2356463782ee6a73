#include "login/environment_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "login/environment.h"

#define BLANKS " \t\r"

struct text {
	const char *at;
	const char *end;
};

static const char *line_end(const struct text *text)
{
	const char *newline = memchr(text->at, '\n', (size_t)(text->end - text->at));

	return newline ? newline : text->end;
}

static void skip(struct text *text, const char *characters)
{
	while (text->at < text->end && *text->at && strchr(characters, *text->at))
		text->at++;
}

/* True if only blanks and a comment follow on this line, which is then behind us. */
static bool ends_line(struct text *text)
{
	skip(text, BLANKS);
	if (text->at < text->end && *text->at != '\n' && *text->at != '#')
		return false;
	text->at = line_end(text);
	return true;
}

/* Quoted text from behind the opening quote to behind the closing one. */
static bool read_quoted(struct text *text, char quote, struct buffer *value)
{
	for (; text->at < text->end && *text->at; text->at++) {
		if (*text->at == quote) {
			text->at++;
			return ends_line(text);
		}
		if (quote == '"' && (*text->at == '$' || *text->at == '`'))
			return false;
		/* POSIX, XCU 2.2.3: what a backslash quotes between double quotes. */
		if (quote == '"' && *text->at == '\\' && text->at + 1 < text->end &&
			strchr("$`\"\\\n", text->at[1])) {
			text->at++;
			if (*text->at == '\n')
				continue;
		}
		buffer_add(value, text->at, 1);
	}
	return false;
}

static bool read_plain(struct text *text, struct buffer *value)
{
	const char *end = line_end(text), *start = text->at;

	for (const char *c = start; c < end; c++) {
		if (!*c || strchr("'\"$`\\", *c))
			return false;
		if (*c == '#' && c > start && strchr(BLANKS, c[-1]))
			end = c;
	}
	while (end > start && strchr(BLANKS, end[-1]))
		end--;
	buffer_add(value, start, (size_t)(end - start));
	text->at = line_end(text);
	return true;
}

static bool read_value(struct text *text, struct buffer *value)
{
	char first = text->at < text->end ? *text->at : '\n';

	if (first != '\'' && first != '"')
		return read_plain(text, value);
	text->at++;
	return read_quoted(text, first, value);
}

/* Returns the name before '=', with the text behind it, or NULL; *failed: no memory. */
static char *read_name(struct text *text, bool *failed)
{
	const char *end = line_end(text), *equals;
	char *name;

	skip(text, BLANKS);
	if (end - text->at > 7 && strncmp(text->at, "export ", 7) == 0) {
		text->at += 7;
		skip(text, BLANKS);
	}
	equals = memchr(text->at, '=', (size_t)(end - text->at));
	if (!equals)
		return NULL;
	name = strndup(text->at, (size_t)(equals - text->at));
	*failed = !name;
	text->at = equals + 1;
	return name;
}

int environment_file_parse(struct environment *environment, const char *data, size_t length)
{
	struct text text = {data, data + length};
	struct buffer value;
	bool failed = false;
	const char *end;
	char *name;

	while (text.at < text.end && !failed) {
		end = line_end(&text);
		name = read_name(&text, &failed);
		value = BUFFER_EMPTY;
		/* A line that is not understood ends where it ends, wherever its quotes do. */
		if (name && read_value(&text, &value)) {
			end = text.at;
			if (environment_name_passes(name) && !value.failed)
				failed = environment_set(
						 environment, name, buffer_string(&value)) != 0;
		}
		failed = failed || value.failed;
		buffer_free(&value);
		free(name);
		text.at = end < text.end ? end + 1 : end;
	}
	return failed ? -1 : 0;
}

bool environment_file_is_anothers(const struct environment *environment, const char *id)
{
	const char *theirs = environment_get(environment, "CONTAINER_ID");

	if (!theirs) {
		theirs = environment_get(environment, "VAST_CONTAINERLABEL");
		if (theirs && strncmp(theirs, "C.", 2) == 0)
			theirs += 2;
	}
	return *id && theirs && strcmp(theirs, id) != 0;
}
