/*
 * The frame: from bytes to text, from text to lines and to the forms of several lines,
 * from each of them to a key.
 */
#include "keys/import.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "keys/import_forms.h"
#include "keys/import_line.h"
#include "keys/import_private.h"
#include "keys/import_text.h"

/* So many bad lines are named; a file of something else has a million. */
#define REJECTS_MAX 50

struct reader {
	const char *text;
	size_t length, at;
	long line;
	bool separators;
	struct import *import;
};

static int out_of_memory(struct error *error)
{
	return error_set(error, ERROR_INTERNAL, "out of memory");
}

static int add_reject(struct import *import, long line, const struct error *reason)
{
	struct import_reject *grown;

	if (import->reject_count > REJECTS_MAX)
		return 0;
	grown = reallocarray(import->rejects, import->reject_count + 1, sizeof(*grown));
	if (!grown)
		return -1;
	import->rejects = grown;
	grown[import->reject_count] = (struct import_reject){line, *reason};
	if (import->reject_count == REJECTS_MAX)
		error_set(&grown[import->reject_count].error, ERROR_BAD_KEY,
			"this line is bad too, and perhaps more behind it, which are not named");
	import->reject_count++;
	return 0;
}

/* The comment as it will stand in the file: nothing that ends a line for any reader. */
static char *clean_comment(struct import *import, const char *text, size_t length, long line)
{
	char *comment = malloc(length * 4 + 1);

	if (!comment)
		return NULL;
	while (length && isspace((unsigned char)text[length - 1]))
		length--;
	text_visible(comment, length * 4 + 1, text, length);
	if (!text_is_visible(text, length))
		buffer_add_format(&import->notes,
			"line %ld: unprintable characters in the comment were escaped\n", line);
	return comment;
}

static int refuse_options(const struct key_line *parsed, struct error *error)
{
	for (size_t i = 0; i < parsed->options_length; i++)
		if (iscntrl((unsigned char)parsed->options_text[i]))
			return error_set(error, ERROR_BAD_OPTION,
				"there is a control character in the options");
	if (!text_is_visible(parsed->options_text, parsed->options_length))
		return error_set(error, ERROR_BAD_OPTION,
			"there is a character in the options that is not UTF-8 or ends a line");
	return 0;
}

/* Takes over what a good line says. Returns 0, or -1 if out of memory. */
static int add_key(struct import *import, struct key_line *parsed, long line)
{
	struct import_key *grown =
		reallocarray(import->keys, import->key_count + 1, sizeof(*grown));
	struct import_key *key;

	if (!grown)
		return -1;
	import->keys = grown;
	key = &grown[import->key_count];
	*key = (struct import_key){.parsed = parsed->options, .line = line};
	key->options = parsed->options_length
			       ? strndup(parsed->options_text, parsed->options_length)
			       : strdup("");
	key->comment = clean_comment(import, parsed->comment, parsed->comment_length, line);
	if (!key->options || !key->comment) {
		free(key->options);
		free(key->comment);
		return -1;
	}
	key->key = parsed->key;
	parsed->key = (struct pubkey){0};
	import->key_count++;
	if (key_index_add(
		    &import->index, pubkey_tail(&key->key), (uint32_t)(import->key_count - 1)) != 0)
		return -1;
	return import->index.slots ? 0 : key_index_hash(&import->index);
}

static const struct import_key *find_key(const struct import *import, const struct pubkey *key)
{
	uint64_t tail = pubkey_tail(key);
	size_t at;

	for (int64_t i = key_index_last(&import->index, tail, &at); i >= 0;
		i = key_index_before(&import->index, tail, &at))
		if (pubkey_equal(&import->keys[i].key, key))
			return &import->keys[i];
	return NULL;
}

/* The same key again: with other options one of the two would defeat the other. */
static int add_again(struct import *import, const struct import_key *first,
	const struct key_line *parsed, long line)
{
	struct error reason = {0};

	if (parsed->options_length != strlen(first->options) ||
		memcmp(parsed->options_text ? parsed->options_text : "", first->options,
			parsed->options_length) != 0) {
		error_set(&reason, ERROR_BAD_OPTION,
			"the same key as in line %ld, with other options; keep one of the two",
			first->line);
		return add_reject(import, line, &reason);
	}
	buffer_add_format(
		&import->notes, "line %ld: the same key as in line %ld\n", line, first->line);
	return 0;
}

static void refuse_unusable(struct key_line *parsed)
{
	struct error reason = {0};

	if (parsed->kind != KEY_LINE_KEY)
		return;
	if (refuse_options(parsed, &reason) == 0)
		return;
	parsed->kind = KEY_LINE_INVALID;
	parsed->error = reason;
}

/* Returns 0, or -1 if out of memory. */
static int take_line(struct import *import, struct import_line *line, long number)
{
	const struct import_key *first;

	refuse_unusable(&line->parsed);
	if (line->parsed.kind == KEY_LINE_INVALID)
		return add_reject(import, number, &line->parsed.error);
	if (line->parsed.kind != KEY_LINE_KEY)
		return 0;
	import_line_notes(line, number, &import->notes);
	first = find_key(import, &line->parsed.key);
	return first ? add_again(import, first, &line->parsed, number)
		     : add_key(import, &line->parsed, number);
}

/* Length of the separator at text, 0 if there is none. */
static size_t separator_length(const char *text, size_t left, bool separators)
{
	if (*text == '\n')
		return 1;
	if (!separators)
		return 0;
	if (*text == ';')
		return 1;
	return left >= 2 && text[0] == '\\' && text[1] == 'n' ? 2 : 0;
}

/*
 * Length of the line at text, and of what ends it. A ';' inside a command="…" is part
 * of it; a quote elsewhere must not hide the key behind it, so quotes count in the first
 * word only, which is where options stand, and not at its start, where they are none.
 */
static size_t line_length(const char *text, size_t left, bool separators, size_t *separator)
{
	bool quoted = false, options = true;
	size_t i = 0, start;

	while (i < left && strchr(" \t\r'\"`", text[i]) && text[i])
		i++;
	for (start = i; i < left; i++) {
		*separator = separator_length(text + i, left - i, separators && !quoted);
		if (*separator)
			return i;
		if (options && text[i] == '"' && i > start && text[i - 1] != '\\')
			quoted = !quoted;
		else if (!quoted && (text[i] == ' ' || text[i] == '\t'))
			options = false;
	}
	*separator = 0;
	return left;
}

static void advance(struct reader *reader, size_t length)
{
	for (size_t i = 0; i < length; i++)
		reader->line += reader->text[reader->at + i] == '\n';
	reader->at += length;
}

static int read_line(struct reader *reader)
{
	const char *text = reader->text + reader->at;
	size_t left = reader->length - reader->at, separator;
	size_t length = line_length(text, left, reader->separators, &separator);
	struct import_line line;
	int result = import_line_parse(text, length, reader->separators ? length : left, &line);

	if (result == 0)
		result = take_line(reader->import, &line, reader->line);
	if (line.length > length)
		separator = line.length < left ? 1 : 0;
	/* A separator counts as a line, whatever it is. */
	advance(reader, line.length);
	reader->at += separator;
	reader->line += separator ? 1 : 0;
	import_line_free(&line);
	return result;
}

typedef int form_reader(const char *, size_t, struct import_block *, struct error *);

static form_reader *const forms[] = {
	[IMPORT_FORM_PEM] = import_pem,
	[IMPORT_FORM_RFC4716] = import_rfc4716,
	[IMPORT_FORM_PUTTY] = import_putty,
};

/* Behind a form on its last line: quotes that close, a comma of JSON. */
static size_t tail_length(const char *text, size_t left)
{
	size_t length = 0, step;

	do {
		step = length < left && text[length] == ','
			       ? 1
			       : import_lead_length(text + length, left - length);
		length += step;
	} while (step);
	return length;
}

/* The line behind a form in quotes, if it has nothing but the quotes that close. */
static size_t closing_length(const char *text, size_t left)
{
	size_t length = left && *text == '\n' ? 1 : 0;

	if (!length)
		return 0;
	length += tail_length(text + length, left - length);
	return length > 1 && (length == left || text[length] == '\n') ? length : 0;
}

static int take_block(struct reader *reader, const struct import_block *block, long number)
{
	struct import_line line = {0};
	int result = import_line_from_blob(block->base64.data, block->base64.length,
		buffer_string(&block->comment), block->comment.length, &line);

	if (result == 0 && line.parsed.kind == KEY_LINE_KEY)
		buffer_add_format(&reader->import->notes, "line %ld: %s\n", number, block->note);
	if (result == 0)
		result = take_line(reader->import, &line, number);
	import_line_free(&line);
	return result;
}

static void skip_tail(struct reader *reader, bool quoted)
{
	const char *end = reader->text + reader->length;

	reader->at += tail_length(reader->text + reader->at, reader->length - reader->at);
	if (quoted)
		advance(reader, closing_length(reader->text + reader->at,
					(size_t)(end - reader->text) - reader->at));
}

/* A form of several lines; quotes and blanks may stand before it. */
static int read_block(struct reader *reader, enum import_form form)
{
	long number = reader->line;
	struct import_block block = {0};
	struct error reason = {0};
	bool quoted = false;
	int result;

	while (!strchr("-P", reader->text[reader->at]))
		quoted |= !isspace((unsigned char)reader->text[reader->at++]);
	result = forms[form](
		reader->text + reader->at, reader->length - reader->at, &block, &reason);
	if (result == 0)
		result = take_block(reader, &block, number);
	else if (reason.code != ERROR_INTERNAL)
		result = add_reject(reader->import, number, &reason);
	advance(reader, block.length);
	skip_tail(reader, quoted);
	import_block_free(&block);
	return result;
}

/* Quotes around all lines together. */
static void strip_quotes(struct reader *reader)
{
	const char *text = reader->text, *inside;
	size_t length = reader->length, inside_length;

	while (length && isspace((unsigned char)text[length - 1]))
		length--;
	while (length && isspace((unsigned char)*text)) {
		reader->line += *text == '\n';
		text++;
		length--;
	}
	inside = text;
	inside_length = length;
	if (!import_strip_quotes(&inside, &inside_length) || !memchr(inside, '\n', inside_length) ||
		memmem(inside, inside_length, text, (size_t)(inside - text))) {
		reader->line = 1;
		return;
	}
	buffer_add_format(&reader->import->notes,
		"line %ld: the quotes around the text were taken off\n", reader->line);
	reader->text = inside;
	reader->length = inside_length;
}

static int read_all(struct reader *reader)
{
	int result = 0;

	strip_quotes(reader);
	/* Nothing will be taken: the rest of a hostile text is not worth the time. */
	while (reader->at < reader->length && result == 0 &&
		reader->import->reject_count <= REJECTS_MAX) {
		const char *text = reader->text + reader->at;
		size_t left = reader->length - reader->at;
		enum import_form form = import_form_of(text, left);

		result = form == IMPORT_FORM_LINE ? read_line(reader) : read_block(reader, form);
	}
	return result;
}

static int import_text(
	struct buffer *text, bool separators, struct import *import, struct error *error)
{
	struct reader reader = {.line = 1, .separators = separators, .import = import};
	size_t cut = import_private_cut(text->data, text->length);

	if (import_private_refuse(text->data, text->length, error) != 0)
		return -1;
	if (cut)
		buffer_add_string(&import->notes,
			"there was a PRIVATE key in the PuTTY file: only its public part was used, "
			"the private one was thrown away; do not hand that file on\n");
	reader.text = text->data;
	reader.length = text->length;
	if (read_all(&reader) != 0 || import->notes.failed)
		return out_of_memory(error);
	if (import->key_count + import->reject_count == 0)
		return error_set(error, ERROR_BAD_KEY, "there is no key in the text");
	return 0;
}

int import_parse(const char *text, size_t length, bool separators, struct import *import,
	struct error *error)
{
	struct buffer decoded = BUFFER_EMPTY;
	int result;

	*import = (struct import){0};
	/* Bytes that are no text can hold one too. */
	if (memchr(text, '\0', length) && import_private_refuse(text, length, error) != 0)
		return -1;
	result = import_text_decode(text, length, separators, &decoded, &import->notes, error);
	if (result == 0)
		result = import_text(&decoded, separators, import, error);
	if (result != 0)
		buffer_free(&import->notes);
	import_text_wipe(&decoded);
	return result;
}

void import_free(struct import *import)
{
	for (size_t i = 0; i < import->key_count; i++) {
		pubkey_free(&import->keys[i].key);
		free(import->keys[i].options);
		free(import->keys[i].comment);
	}
	free(import->keys);
	key_index_free(&import->index);
	free(import->rejects);
	buffer_free(&import->notes);
	*import = (struct import){0};
}
