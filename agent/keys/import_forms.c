#include "keys/import_forms.h"

#include <ctype.h>
#include <string.h>

static const struct {
	const char *start;
	enum import_form form;
} starts[] = {
	{"-----BEGIN ", IMPORT_FORM_PEM},
	{"---- BEGIN ", IMPORT_FORM_RFC4716},
	{"PuTTY-User-Key-File-", IMPORT_FORM_PUTTY},
};

#define START_COUNT (sizeof(starts) / sizeof(starts[0]))

size_t import_lead_length(const char *text, size_t length)
{
	static const char *const leads[] = {" ", "\t", "\r", "'", "\"", "`", "\xe2\x80\x9c",
		"\xe2\x80\x9d", "\xe2\x80\x9e", "\xe2\x80\x98", "\xe2\x80\x99", "\xef\xbb\xbf"};

	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		if (length >= strlen(leads[i]) && memcmp(text, leads[i], strlen(leads[i])) == 0)
			return strlen(leads[i]);
	return 0;
}

enum import_form import_form_of(const char *text, size_t length)
{
	size_t step;

	while ((step = import_lead_length(text, length)) != 0) {
		text += step;
		length -= step;
	}
	for (size_t i = 0; i < START_COUNT; i++)
		if (length >= strlen(starts[i].start) &&
			memcmp(text, starts[i].start, strlen(starts[i].start)) == 0)
			return starts[i].form;
	return IMPORT_FORM_LINE;
}

bool import_form_within(const char *text, size_t length)
{
	for (size_t i = 0; i < START_COUNT; i++)
		if (memmem(text, length, starts[i].start, strlen(starts[i].start)))
			return true;
	return false;
}

void import_block_free(struct import_block *block)
{
	buffer_free(&block->base64);
	buffer_free(&block->comment);
}

bool import_next_line(const char *text, size_t length, size_t *at, struct import_slice *line)
{
	const char *end;

	if (*at >= length)
		return false;
	line->text = text + *at;
	end = memchr(line->text, '\n', length - *at);
	line->length = end ? (size_t)(end - line->text) : length - *at;
	*at += line->length + (end ? 1 : 0);
	while (line->length && isspace((unsigned char)line->text[line->length - 1]))
		line->length--;
	while (line->length && isspace((unsigned char)*line->text)) {
		line->text++;
		line->length--;
	}
	return true;
}

bool import_is_base64(const struct import_slice *line)
{
	for (size_t i = 0; i < line->length; i++) {
		unsigned char c = (unsigned char)line->text[i];

		if (!isalnum(c) && c != '+' && c != '/' && c != '=')
			return false;
	}
	return line->length > 0;
}
