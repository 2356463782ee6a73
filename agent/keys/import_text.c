#include "keys/import_text.h"

#include <sodium.h>
#include <stdint.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "keys/import_forms.h"

#define NO_TEXT "there are NUL bytes in the text; save the key as plain UTF-8 text"

enum encoding { UTF_8, UTF_16_LITTLE, UTF_16_BIG };

static bool begins(const char *text, size_t length, const char *what)
{
	size_t size = strlen(what);

	return length >= size && memcmp(text, what, size) == 0;
}

/* Every byte with this remainder by two is NUL, and no other is. */
static bool alternates(const char *text, size_t length, size_t remainder)
{
	if (length < 2 || length % 2)
		return false;
	for (size_t i = 0; i < length; i++)
		if ((text[i] == '\0') != (i % 2 == remainder))
			return false;
	return true;
}

static enum encoding find_encoding(const char *text, size_t length, size_t *mark)
{
	*mark = 2;
	if (begins(text, length, "\xff\xfe"))
		return UTF_16_LITTLE;
	if (begins(text, length, "\xfe\xff"))
		return UTF_16_BIG;
	*mark = 0;
	if (alternates(text, length, 1))
		return UTF_16_LITTLE;
	if (alternates(text, length, 0))
		return UTF_16_BIG;
	*mark = begins(text, length, "\xef\xbb\xbf") ? 3 : 0;
	return UTF_8;
}

static uint32_t unit_at(const char *text, size_t at, enum encoding encoding)
{
	unsigned first = (unsigned char)text[at], second = (unsigned char)text[at + 1];

	return encoding == UTF_16_LITTLE ? second << 8 | first : first << 8 | second;
}

/* RFC 2781 section 2.2; half a pair becomes '?', as in a comment it may be anything. */
static size_t code_point_at(
	const char *text, size_t length, size_t at, enum encoding encoding, uint32_t *point)
{
	uint32_t low;

	*point = unit_at(text, at, encoding);
	if (*point < 0xd800 || *point > 0xdfff)
		return 2;
	low = *point < 0xdc00 && at + 4 <= length ? unit_at(text, at + 2, encoding) : 0;
	if (low < 0xdc00 || low > 0xdfff) {
		*point = '?';
		return 2;
	}
	*point = 0x10000 + ((*point - 0xd800) << 10) + (low - 0xdc00);
	return 4;
}

static size_t encode(uint32_t point, char *out)
{
	if (point < 0x80) {
		out[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (char)(0xc0 | point >> 6);
		out[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (char)(0xe0 | point >> 12);
		out[1] = (char)(0x80 | (point >> 6 & 0x3f));
		out[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | point >> 18);
	out[1] = (char)(0x80 | (point >> 12 & 0x3f));
	out[2] = (char)(0x80 | (point >> 6 & 0x3f));
	out[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

static int decode_utf16(const char *text, size_t length, enum encoding encoding, struct buffer *out,
	struct error *error)
{
	uint32_t point;

	if (length % 2)
		return error_set(error, ERROR_BAD_KEY,
			"the text is UTF-16 and ends inside a character; save it as plain UTF-8");
	for (size_t i = 0; i < length;) {
		i += code_point_at(text, length, i, encoding, &point);
		out->length += encode(point, out->data + out->length);
	}
	out->data[out->length] = '\0';
	return 0;
}

/* What a line of a key has in it, so that a CR inside of a comment does not end one. */
static bool is_like_a_line(const char *text, size_t length)
{
	while (length && (*text == ' ' || *text == '\t')) {
		text++;
		length--;
	}
	return !length || *text == '#' || memmem(text, length, "AAAA", 4) != NULL;
}

/* Line ends of before 2001: no LF anywhere, and all between the CRs is lines of keys. */
static bool ends_in_cr(const char *text, size_t length)
{
	const char *end = text + length, *next;

	if (memchr(text, '\n', length) || !memchr(text, '\r', length))
		return false;
	if (import_form_within(text, length))
		return true;
	for (; text < end; text = next + 1) {
		next = memchr(text, '\r', (size_t)(end - text));
		if (!next)
			next = end;
		if (!is_like_a_line(text, (size_t)(next - text)))
			return false;
	}
	return true;
}

/* Length of a line end that is spelled out, as in JSON: \n or \r\n. */
static size_t spelled_length(const char *text, size_t left)
{
	if (begins(text, left, "\\r\\n"))
		return 4;
	return begins(text, left, "\\n") ? 2 : 0;
}

/* Gives the lines from begin to end back their ends, and closes the gap. */
static bool unfold_line(struct buffer *text, size_t begin, size_t end, size_t *removed)
{
	char *data = text->data;
	size_t out = begin, step;

	for (size_t in = begin; in < end; in += step ? step : 1) {
		step = spelled_length(data + in, end - in);
		data[out++] = step ? '\n' : data[in];
	}
	*removed = end - out;
	if (!*removed)
		return false;
	memmove(data + out, data + end, text->length - end);
	sodium_memzero(data + text->length - *removed, *removed);
	text->length -= *removed;
	return true;
}

/*
 * Only a line that begins with such a form: a comment that mentions one must not start
 * lines. With separators, "\n" ends a line wherever it stands.
 */
static bool unfold(struct buffer *text, size_t begin, bool separators)
{
	bool repaired = false;
	size_t end, removed;
	const char *found;

	for (; begin < text->length; begin = end + 1) {
		const char *line = text->data + begin;

		found = memchr(line, '\n', text->length - begin);
		end = found ? (size_t)(found - text->data) : text->length;
		if (separators ? !import_form_within(line, end - begin)
			       : import_form_of(line, end - begin) == IMPORT_FORM_LINE)
			continue;
		repaired |= unfold_line(text, begin, end, &removed);
		end -= removed;
	}
	return repaired;
}

static void add_note(struct buffer *notes, const char *sentence)
{
	buffer_add_string(notes, sentence);
	buffer_add_string(notes, "\n");
}

static void repair_line_ends(
	struct buffer *out, size_t start, bool separators, struct buffer *notes)
{
	if (ends_in_cr(out->data + start, out->length - start)) {
		for (size_t i = start; i < out->length; i++)
			if (out->data[i] == '\r')
				out->data[i] = '\n';
		add_note(notes, "the lines ended in CR (old Mac text); they were told apart");
	}
	if (unfold(out, start, separators))
		add_note(notes, "the line ends that were written as \\n were put back");
}

int import_text_decode(const char *text, size_t length, bool separators, struct buffer *out,
	struct buffer *notes, struct error *error)
{
	size_t mark, start = out->length;
	enum encoding encoding = find_encoding(text, length, &mark);

	/* Three bytes of UTF-8 for two of UTF-16 at most. */
	if (!buffer_reserve(out, length + length / 2 + 1))
		return error_set(error, ERROR_INTERNAL, "out of memory");
	text += mark;
	length -= mark;
	if (encoding == UTF_8) {
		buffer_add(out, text, length);
		if (mark)
			add_note(notes, "the byte order mark at the start was taken off");
	} else if (decode_utf16(text, length, encoding, out, error) != 0) {
		return -1;
	} else {
		add_note(notes, "the text was UTF-16 and was read as such");
	}
	if (memchr(out->data + start, '\0', out->length - start))
		return error_set(error, ERROR_BAD_KEY, NO_TEXT);
	repair_line_ends(out, start, separators, notes);
	return 0;
}

void import_text_wipe(struct buffer *text)
{
	if (text->data)
		sodium_memzero(text->data, text->length);
	buffer_free(text);
}
