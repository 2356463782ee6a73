#include "keys/line.h"

#include <stdbool.h>
#include <string.h>

struct cursor {
	const char *next;
	size_t left;
};

static void skip(struct cursor *cursor, size_t length)
{
	cursor->next += length;
	cursor->left -= length;
}

static void skip_blanks(struct cursor *cursor)
{
	while (cursor->left && (*cursor->next == ' ' || *cursor->next == '\t'))
		skip(cursor, 1);
}

size_t key_line_word(const char *text, size_t length)
{
	const char *space = memchr(text, ' ', length);
	const char *end = space ? space : text + length;
	const char *tab = memchr(text, '\t', (size_t)(end - text));

	return (size_t)((tab ? tab : end) - text);
}

static size_t word_length(const struct cursor *cursor)
{
	return cursor->left ? key_line_word(cursor->next, cursor->left) : 0;
}

/* "type blob": on success the cursor stands behind the blob. */
static int take_key(struct cursor *cursor, struct pubkey *key, struct error *error)
{
	struct cursor at = *cursor;
	size_t type_length = word_length(&at), base64_length;
	const char *type = at.next;

	if (!pubkey_type_is_known(type, type_length))
		return error_set(error, ERROR_BAD_KEY,
			"it is no key: a key is its type, its base64 and a comment");
	skip(&at, type_length);
	skip_blanks(&at);
	base64_length = word_length(&at);
	if (!base64_length)
		return error_set(error, ERROR_BAD_KEY, "there is no key behind '%.*s'",
			(int)type_length, type);
	if (pubkey_parse(type, type_length, at.next, base64_length, key, error) != 0)
		return -1;
	skip(&at, base64_length);
	*cursor = at;
	return 0;
}

/* Lines that parse and yet let nobody in, whatever key is offered. */
static void refuse_inert(struct key_line *line)
{
	if (line->key.kind == PUBKEY_CERTIFICATE)
		error_set(&line->error, ERROR_BAD_KEY,
			"a certificate in authorized_keys lets nobody in; put the plain key there");
	else if (line->key.kind == PUBKEY_DSA)
		error_set(&line->error, ERROR_BAD_KEY,
			"sshd takes no DSA keys any more; make one with: ssh-keygen -t ed25519");
	else if (line->options.principals && !line->options.cert_authority)
		error_set(&line->error, ERROR_BAD_OPTION,
			"option principals: only goes with cert-authority");
	else
		return;
	line->kind = KEY_LINE_INVALID;
}

static void parse_options(struct key_line *line)
{
	if (key_options_parse(
		    line->options_text, line->options_length, &line->options, &line->error) != 0)
		line->kind = KEY_LINE_INVALID;
}

/* Why neither the start of the line nor what follows its options is a key. */
static void explain(struct key_line *line, const struct cursor *start, const struct error *second)
{
	line->kind = KEY_LINE_INVALID;
	if (*start->next == '"' || *start->next == '\'')
		error_set(&line->error, ERROR_BAD_KEY,
			"the key is in quotes, which sshd does not take");
	else if (pubkey_type_is_known(start->next, word_length(start)))
		return; /* the first attempt said it best */
	else if (second)
		line->error = *second;
	else
		error_set(&line->error, ERROR_BAD_KEY, "a quote in the options is not closed");
}

/* Not all of its text: a file may have 100,000 lines. */
static void clear_error(struct error *error)
{
	error->code = ERROR_NONE;
	error->line = 0;
	error->message[0] = '\0';
}

static void parse_fields(struct key_line *line, struct cursor *cursor)
{
	const struct cursor start = *cursor;
	struct error second;

	line->kind = KEY_LINE_KEY;
	if (take_key(cursor, &line->key, &line->error) == 0)
		return;
	if (key_options_length(cursor->next, cursor->left, &line->options_length) != 0) {
		line->options_length = 0;
		explain(line, &start, NULL);
		return;
	}
	line->options_text = cursor->next;
	skip(cursor, line->options_length);
	skip_blanks(cursor);
	if (take_key(cursor, &line->key, &second) != 0) {
		explain(line, &start, &second);
		return;
	}
	clear_error(&line->error); /* of the first attempt */
	parse_options(line);
}

/* The carriage return of an empty line is nothing that anybody meant. */
static bool is_empty(const struct cursor *cursor)
{
	return !cursor->left || (cursor->left == 1 && *cursor->next == '\r');
}

void key_line_parse(const char *text, size_t length, struct key_line *line)
{
	struct cursor cursor = {.next = text, .left = strnlen(text, length)};

	line->kind = KEY_LINE_BLANK;
	line->options_text = line->comment = NULL;
	line->options_length = line->comment_length = 0;
	line->key = (struct pubkey){0};
	line->options = (struct key_options){0};
	clear_error(&line->error);
	skip_blanks(&cursor);
	if (is_empty(&cursor))
		return;
	if (*cursor.next == '#') {
		line->kind = KEY_LINE_COMMENT;
		return;
	}
	parse_fields(line, &cursor);
	if (line->kind == KEY_LINE_KEY)
		refuse_inert(line);
	skip_blanks(&cursor);
	line->comment = cursor.next;
	line->comment_length = cursor.left;
	if (line->comment_length && line->comment[line->comment_length - 1] == '\r')
		line->comment_length--;
}

void key_line_free(struct key_line *line)
{
	pubkey_free(&line->key);
}
