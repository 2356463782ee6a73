#include "keys/import.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "keys/line.h"

static bool contains(const char *text, size_t length, const char *what)
{
	return memmem(text, length, what, strlen(what)) != NULL;
}

/* The headers of PEM, OpenSSH, PKCS#8 and PuTTY private keys. */
static bool holds_private_key(const char *text, size_t length)
{
	return contains(text, length, "PRIVATE KEY-----") ||
	       contains(text, length, "Private-Lines:") ||
	       contains(text, length, "b3BlbnNzaC1rZXktdjE");
}

static void add_note(struct import *import, long line, const char *what)
{
	buffer_add_format(&import->notes, "line %ld: %s\n", line, what);
}

static int add_reject(struct import *import, long line, const struct error *reason)
{
	struct import_reject *grown =
		reallocarray(import->rejects, import->reject_count + 1, sizeof(*grown));

	if (!grown)
		return -1;
	import->rejects = grown;
	grown[import->reject_count++] = (struct import_reject){line, *reason};
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
		add_note(import, line, "unprintable characters in the comment were escaped");
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
	return 0;
}

static bool is_duplicate(const struct import *import, const struct pubkey *key)
{
	for (size_t i = 0; i < import->key_count; i++)
		if (pubkey_equal(&import->keys[i].key, key))
			return true;
	return false;
}

/* A blob without its type before it, as the platform's own tools take it. */
static int parse_bare(const char *text, size_t length, struct key_line *parsed)
{
	size_t blob = 0;

	if (length < 8 || memcmp(text, "AAAA", 4) != 0)
		return -1;
	while (blob < length && text[blob] != ' ' && text[blob] != '\t')
		blob++;
	*parsed = (struct key_line){.kind = KEY_LINE_KEY};
	if (pubkey_parse(NULL, 0, text, blob, &parsed->key, &parsed->error) != 0) {
		parsed->kind = KEY_LINE_INVALID;
		return 0;
	}
	while (blob < length && (text[blob] == ' ' || text[blob] == '\t'))
		blob++;
	parsed->comment = text + blob;
	parsed->comment_length = length - blob;
	return 0;
}

/* Takes quotes off that stand around the whole line. */
static bool strip_quotes(const char **text, size_t *length)
{
	char quote = **text;

	if (*length < 2 || (quote != '"' && quote != '\'') || (*text)[*length - 1] != quote)
		return false;
	(*text)++;
	*length -= 2;
	return true;
}

static void parse_repaired(
	struct import *import, const char *text, size_t length, long line, struct key_line *parsed)
{
	if (strip_quotes(&text, &length)) {
		parse_repaired(import, text, length, line, parsed);
		if (parsed->kind == KEY_LINE_KEY)
			add_note(import, line, "the quotes around the key were taken off");
		return;
	}
	if (parse_bare(text, length, parsed) != 0) {
		key_line_parse(text, length, parsed);
		return;
	}
	if (parsed->kind == KEY_LINE_KEY)
		add_note(import, line, "the type of the key was read from the key itself");
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

static int import_line(struct import *import, const char *text, size_t length, long line)
{
	struct key_line parsed;
	int result = 0;

	while (length && isspace((unsigned char)text[length - 1]))
		length--;
	while (length && isspace((unsigned char)*text)) {
		text++;
		length--;
	}
	if (!length)
		return 0;
	parse_repaired(import, text, length, line, &parsed);
	refuse_unusable(&parsed);
	if (parsed.kind == KEY_LINE_INVALID)
		result = add_reject(import, line, &parsed.error);
	else if (parsed.kind == KEY_LINE_KEY && !is_duplicate(import, &parsed.key))
		result = add_key(import, &parsed, line);
	key_line_free(&parsed);
	return result;
}

/* Length of the separator at text, 0 if there is none. */
static size_t separator_length(const char *text, size_t left, bool separators, bool quoted)
{
	if (*text == '\n')
		return 1;
	if (!separators || quoted)
		return 0;
	if (*text == ';')
		return 1;
	return left >= 2 && text[0] == '\\' && text[1] == 'n' ? 2 : 0;
}

static int import_lines(struct import *import, const char *text, size_t length, bool separators)
{
	size_t start = 0, step;
	bool quoted = false;
	long line = 1;

	for (size_t i = 0; i < length; i += step) {
		step = separator_length(text + i, length - i, separators, quoted);
		if (!step) {
			/* A ';' inside a command="…" is part of it. */
			quoted ^= text[i] == '"' && i > start && text[i - 1] != '\\';
			step = 1;
			continue;
		}
		if (import_line(import, text + start, i - start, line) != 0)
			return -1;
		start = i + step;
		quoted = false;
		line++;
	}
	return import_line(import, text + start, length - start, line);
}

int import_parse(const char *text, size_t length, bool separators, struct import *import,
	struct error *error)
{
	*import = (struct import){0};
	if (holds_private_key(text, length))
		return error_set(error, ERROR_PRIVATE_KEY,
			"this is a PRIVATE key: keep it secret, it was not stored; the public one "
			"ends in .pub, or print it with: ssh-keygen -y -f FILE");
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		length -= 3;
	}
	if (memchr(text, '\0', length))
		return error_set(error, ERROR_BAD_KEY,
			"there are NUL bytes in the text; save the key as plain UTF-8 text");
	if (import_lines(import, text, length, separators) != 0 || import->notes.failed)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	if (import->key_count + import->reject_count == 0)
		return error_set(error, ERROR_BAD_KEY, "there is no key in the text");
	return 0;
}

void import_free(struct import *import)
{
	for (size_t i = 0; i < import->key_count; i++) {
		pubkey_free(&import->keys[i].key);
		free(import->keys[i].options);
		free(import->keys[i].comment);
	}
	free(import->keys);
	free(import->rejects);
	buffer_free(&import->notes);
	*import = (struct import){0};
}
