/* The SSH Public Key File Format (RFC 4716 section 3). */
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "keys/import_forms.h"

#define BEGIN      "---- BEGIN SSH2 PUBLIC KEY ----"
#define END        "---- END SSH2 PUBLIC KEY ----"
#define BASE64_MAX 11000 /* of a 16384-bit RSA key and then some */

/* A header's value, with its continuation lines; section 3.3. */
static void read_value(
	const char *text, size_t length, size_t *at, struct import_slice value, struct buffer *out)
{
	for (;;) {
		bool more = value.length && value.text[value.length - 1] == '\\';

		buffer_add(out, value.text, value.length - (more ? 1 : 0));
		if (!more || !import_next_line(text, length, at, &value))
			return;
	}
}

static void take_quotes_off(struct buffer *value)
{
	if (value->length < 2 || value->data[0] != '"' || value->data[value->length - 1] != '"')
		return;
	value->length -= 2;
	memmove(value->data, value->data + 1, value->length);
	value->data[value->length] = '\0';
}

static void read_header(const char *text, size_t length, size_t *at,
	const struct import_slice *line, size_t colon, struct buffer *comment)
{
	struct import_slice value = {line->text + colon + 1, line->length - colon - 1};
	struct buffer other = BUFFER_EMPTY;
	bool is_comment = colon == 7 && strncasecmp(line->text, "Comment", 7) == 0;

	while (value.length && (*value.text == ' ' || *value.text == '\t')) {
		value.text++;
		value.length--;
	}
	if (is_comment)
		buffer_free(comment);
	read_value(text, length, at, value, is_comment ? comment : &other);
	if (is_comment)
		take_quotes_off(comment);
	buffer_free(&other);
}

static int read_body(
	const char *text, size_t length, struct import_block *block, struct error *error)
{
	struct import_slice line;
	const char *colon;
	size_t at = 0;

	while (import_next_line(text, length, &at, &line)) {
		colon = memchr(line.text, ':', line.length);
		if (!line.length)
			continue;
		if (colon && !block->base64.length)
			read_header(text, length, &at, &line, (size_t)(colon - line.text),
				&block->comment);
		else if (!import_is_base64(&line) ||
			 block->base64.length + line.length > BASE64_MAX)
			return error_set(error, ERROR_BAD_KEY,
				"the key between BEGIN and END is damaged: a line of it is not "
				"base64; copy it again, whole");
		else
			buffer_add(&block->base64, line.text, line.length);
	}
	if (block->base64.failed || block->comment.failed)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	if (!block->base64.length)
		return error_set(error, ERROR_BAD_KEY, "there is no key between BEGIN and END");
	return 0;
}

int import_rfc4716(const char *text, size_t length, struct import_block *block, struct error *error)
{
	const size_t begin = strlen(BEGIN);
	struct import_slice line;
	const char *end;
	size_t at = 0;

	*block = (struct import_block){0};
	import_next_line(text, length, &at, &line);
	block->length = (size_t)(line.text - text) + line.length;
	end = memmem(text, length, END, strlen(END));
	if (end)
		block->length = (size_t)(end - text) + strlen(END);
	if (line.length < begin || memcmp(line.text, BEGIN, begin) != 0)
		return error_set(error, ERROR_BAD_KEY,
			"the BEGIN line is not '" BEGIN "'; export the public key again");
	if (line.length > begin)
		return error_set(error, ERROR_BAD_KEY,
			"the lines of the key were joined into one; paste it with its line ends, "
			"or "
			"print it on one line with: ssh-keygen -i -f FILE");
	if (!end)
		return error_set(error, ERROR_BAD_KEY,
			"the key that begins here is cut off: it has no END line; copy it whole");
	block->note = "the key was read from the form of RFC 4716 (SSH2 PUBLIC KEY)";
	return read_body(text + at, (size_t)(end - text) - at, block, error);
}
