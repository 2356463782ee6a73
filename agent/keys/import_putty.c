/*
 * PuTTY's private key files, versions 2 and 3 (PuTTY's manual, appendix C): the public
 * part alone is read. Nothing here copies a byte of the private one.
 */
#include <ctype.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "keys/import_forms.h"

#define LINES_MAX 200 /* of base64: more than a 16384-bit RSA key takes */

#define REFUSED "; in PuTTYgen, copy the text in the box 'Public key for pasting'"

/* The lines of a file, read one after the other; .at stands behind the last one. */
struct lines {
	const char *text;
	size_t length, at;
	struct import_slice line;
};

static bool next(struct lines *lines)
{
	return import_next_line(lines->text, lines->length, &lines->at, &lines->line);
}

/* The value of the line if it is that header. */
static bool is_header(const struct import_slice *line, const char *name, struct import_slice *value)
{
	size_t size = strlen(name);

	if (line->length < size || memcmp(line->text, name, size) != 0)
		return false;
	*value = (struct import_slice){line->text + size, line->length - size};
	while (value->length && *value->text == ' ') {
		value->text++;
		value->length--;
	}
	return true;
}

static int read_count(const struct import_slice *value, long *count)
{
	char digits[8];

	if (value->length >= sizeof(digits))
		return -1;
	memcpy(digits, value->text, value->length);
	digits[value->length] = '\0';
	return text_number(digits, 1, LINES_MAX, count);
}

/* The lines of base64 that the header announces; into *base64 unless that is NULL. */
static int read_lines(
	struct lines *lines, const struct import_slice *announced, struct buffer *base64)
{
	long count;

	if (read_count(announced, &count) != 0)
		return -1;
	for (long i = 0; i < count; i++) {
		if (!next(lines) || !import_is_base64(&lines->line))
			return -1;
		if (base64)
			buffer_add(base64, lines->line.text, lines->line.length);
	}
	return 0;
}

static int refuse_damaged(struct error *error)
{
	return error_set(error, ERROR_BAD_KEY, "the PuTTY file is damaged or cut off" REFUSED);
}

static int read_public(struct lines *lines, struct import_block *block, struct error *error)
{
	struct import_slice value;

	if (!next(lines) || !is_header(&lines->line, "PuTTY-User-Key-File-", &value))
		return refuse_damaged(error);
	block->length = lines->at;
	if (value.length < 2 || (*value.text != '2' && *value.text != '3') || value.text[1] != ':')
		return error_set(error, ERROR_BAD_KEY,
			"the PuTTY file is of a version that is not known here" REFUSED);
	if (!next(lines) || !is_header(&lines->line, "Encryption:", &value) || !next(lines) ||
		!is_header(&lines->line, "Comment:", &value))
		return refuse_damaged(error);
	buffer_add(&block->comment, value.text, value.length);
	if (!next(lines) || !is_header(&lines->line, "Public-Lines:", &value))
		return refuse_damaged(error);
	block->length = lines->at;
	if (read_lines(lines, &value, &block->base64) != 0)
		return refuse_damaged(error);
	block->length = lines->at;
	return block->base64.failed || block->comment.failed
		       ? error_set(error, ERROR_INTERNAL, "out of memory")
		       : 0;
}

/* How a passphrase becomes a key; version 3 writes it before the private part. */
static void skip_derivation(struct lines *lines)
{
	struct lines at = *lines;
	struct import_slice value;

	while (next(&at)) {
		if (at.line.length && !is_header(&at.line, "Key-Derivation:", &value) &&
			!is_header(&at.line, "Argon2-", &value))
			return;
		*lines = at;
	}
}

int import_putty(const char *text, size_t length, struct import_block *block, struct error *error)
{
	struct lines lines = {.text = text, .length = length};

	*block = (struct import_block){0};
	if (read_public(&lines, block, error) != 0)
		return -1;
	skip_derivation(&lines);
	block->length = lines.at;
	block->note = "the public key was taken out of a PuTTY file";
	return 0;
}

static bool is_hexadecimal(const struct import_slice *value)
{
	for (size_t i = 0; i < value->length; i++)
		if (!isxdigit((unsigned char)value->text[i]))
			return false;
	return value->length > 0;
}

int import_putty_private(const char *text, size_t length, size_t *begin, size_t *private_length)
{
	struct lines lines = {.text = text, .length = length};
	struct import_block block = {0};
	struct import_slice value;
	int result = read_public(&lines, &block, NULL);
	bool is_read = result == 0 || block.base64.failed || block.comment.failed;

	/* Where it ends is known then, even if memory for what it says is out. */
	import_block_free(&block);
	*private_length = 0;
	*begin = lines.at;
	if (!is_read)
		return -1;
	skip_derivation(&lines);
	if (!next(&lines) || !is_header(&lines.line, "Private-Lines:", &value))
		return 0;
	if (read_lines(&lines, &value, NULL) != 0 || !next(&lines) ||
		!is_header(&lines.line, "Private-MAC:", &value) || !is_hexadecimal(&value))
		return -1;
	*private_length = lines.at - *begin;
	return 0;
}
