#include "keys/import_line.h"

#include <ctype.h>
#include <string.h>

#include "base/error.h"
#include "keys/import_join.h"

#define QUOTES_MAX 8 /* pairs around one line; a hostile text has a million */

static void trim(const char **text, size_t *length)
{
	while (*length && isspace((unsigned char)(*text)[*length - 1]))
		(*length)--;
	while (*length && isspace((unsigned char)**text)) {
		(*text)++;
		(*length)--;
	}
}

static bool begins(const char *text, size_t length, const char *what)
{
	size_t size = strlen(what);

	return length >= size && memcmp(text, what, size) == 0;
}

static size_t word_length(const char *text, size_t length)
{
	size_t word = 0;

	while (word < length && text[word] != ' ' && text[word] != '\t')
		word++;
	return word;
}

/* Parses what line->text holds. Returns 0, or -1 if that was not completed. */
static int parse_text(struct import_line *line)
{
	if (line->text.failed)
		return -1;
	key_line_free(&line->parsed);
	key_line_parse(buffer_string(&line->text), line->text.length, &line->parsed);
	return line->parsed.error.code == ERROR_INTERNAL ? -1 : 0;
}

int import_line_from_blob(const char *base64, size_t length, const char *comment,
	size_t comment_length, struct import_line *line)
{
	struct error reason = {0};
	struct pubkey key;

	buffer_free(&line->text);
	if (pubkey_parse(NULL, 0, base64, length, &key, &reason) != 0) {
		key_line_free(&line->parsed);
		line->parsed = (struct key_line){.kind = KEY_LINE_INVALID, .error = reason};
		return reason.code == ERROR_INTERNAL ? -1 : 0;
	}
	buffer_add_format(&line->text, "%s ", key.type);
	buffer_add(&line->text, base64, length);
	buffer_add_string(&line->text, " ");
	buffer_add(&line->text, comment, comment_length);
	pubkey_free(&key);
	return parse_text(line);
}

/* A key, or a blob without its type before it, as the platform's own tools take it. */
static int parse_plain(const char *text, size_t length, struct import_line *line)
{
	size_t blob = word_length(text, length);

	if (!begins(text, length, "AAAA") || blob < 8) {
		buffer_free(&line->text);
		buffer_add(&line->text, text, length);
		return parse_text(line);
	}
	if (import_line_from_blob(text, blob, text + blob, length - blob, line) != 0)
		return -1;
	if (line->parsed.kind == KEY_LINE_KEY)
		line->repairs |= REPAIR_TYPE;
	return 0;
}

/* Spaces that web pages and chat programs make: no-break ones, and ones without width. */
static void add_without_odd_spaces(struct buffer *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length;) {
		if (begins(text + i, length - i, "\xc2\xa0")) {
			buffer_add_string(out, " ");
			i += 2;
		} else if (begins(text + i, length - i, "\xe2\x80\x8b") ||
			   begins(text + i, length - i, "\xef\xbb\xbf")) {
			i += 3;
		} else {
			buffer_add(out, text + i, 1);
			i++;
		}
	}
}

static int parse_with_spaces(const char *text, size_t length, struct import_line *line)
{
	struct buffer plain = BUFFER_EMPTY;
	struct import_line other = {0};
	int result = 0;

	add_without_odd_spaces(&plain, text, length);
	if (plain.failed || plain.length == length) {
		result = plain.failed ? -1 : 0;
		buffer_free(&plain);
		return result;
	}
	result = parse_plain(plain.data, plain.length, &other);
	if (result == 0 && other.parsed.kind == KEY_LINE_KEY) {
		other.repairs |= line->repairs | REPAIR_SPACES;
		other.length = line->length;
		import_line_free(line);
		*line = other;
	} else {
		import_line_free(&other);
	}
	buffer_free(&plain);
	return result;
}

/* Something is damaged, and what follows may be the rest of it. */
static int parse_joined(const char *text, size_t length, const char *end, struct import_line *line)
{
	struct import_join join;
	int result = import_join(text, length, (size_t)(end - text), &join);

	if (result == 1) {
		buffer_free(&line->text);
		line->text = join.text;
		join.text = BUFFER_EMPTY;
		line->lines = join.lines;
		line->length += join.beyond;
		line->repairs |= REPAIR_WRAPPED;
		result = parse_text(line);
	}
	buffer_free(&join.text);
	return result;
}

static void take_wrapping_off(const char **text, size_t *length, struct import_line *line)
{
	trim(text, length);
	if (begins(*text, *length, "\xef\xbb\xbf")) {
		*text += 3;
		*length -= 3;
		line->repairs |= REPAIR_MARK;
		trim(text, length);
	}
	for (int i = 0; i < QUOTES_MAX && import_strip_quotes(text, length); i++) {
		line->repairs |= REPAIR_QUOTES;
		trim(text, length);
	}
}

int import_line_parse(const char *text, size_t length, size_t left, struct import_line *line)
{
	const char *start = text, *end = text + left;
	size_t whole = length;

	*line = (struct import_line){.length = length};
	take_wrapping_off(&text, &length, line);
	if (!length)
		return 0;
	if (parse_plain(text, length, line) != 0)
		return -1;
	if (line->parsed.kind == KEY_LINE_INVALID && !line->parsed.key.blob &&
		parse_with_spaces(text, length, line) != 0)
		return -1;
	if (line->parsed.kind != KEY_LINE_INVALID || line->parsed.key.blob)
		return 0;
	/* Inside of quotes a key does not go on behind them. */
	if (line->repairs & REPAIR_QUOTES)
		end = text + length;
	else
		length = whole - (size_t)(text - start);
	if (parse_joined(text, length, end, line) != 0)
		return -1;
	trim(&text, &length);
	if (line->parsed.kind == KEY_LINE_INVALID && !line->parsed.key.blob)
		import_explain(text, length, &line->parsed.error);
	return 0;
}

void import_line_free(struct import_line *line)
{
	key_line_free(&line->parsed);
	buffer_free(&line->text);
}

void import_line_notes(const struct import_line *line, long number, struct buffer *notes)
{
	static const struct {
		enum import_repair repair;
		const char *sentence;
	} sentences[] = {
		{REPAIR_MARK, "the byte order mark before the key was taken off"},
		{REPAIR_QUOTES, "the quotes around the key were taken off"},
		{REPAIR_TYPE, "the type of the key was read from the key itself"},
		{REPAIR_SPACES, "spaces of another kind, as web pages have them, were replaced"},
	};

	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (line->repairs & sentences[i].repair)
			buffer_add_format(notes, "line %ld: %s\n", number, sentences[i].sentence);
	if (line->repairs & REPAIR_WRAPPED && line->lines)
		buffer_add_format(notes,
			"line %ld: the key was broken over %ld lines, which were joined\n", number,
			line->lines + 1);
	else if (line->repairs & REPAIR_WRAPPED)
		buffer_add_format(
			notes, "line %ld: spaces inside the key were taken out\n", number);
}
