#include "base/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *buffer_reserve(struct buffer *buffer, size_t length)
{
	size_t capacity = buffer->capacity ? buffer->capacity : 128;
	char *data;

	if (buffer->failed || length > SIZE_MAX / 4 || buffer->length > SIZE_MAX / 4) {
		buffer->failed = true;
		return NULL;
	}
	/* One byte more: the NUL behind the text. */
	while (capacity < buffer->length + length + 1)
		capacity *= 2;
	if (capacity != buffer->capacity) {
		data = realloc(buffer->data, capacity);
		if (!data) {
			buffer->failed = true;
			return NULL;
		}
		buffer->data = data;
		buffer->capacity = capacity;
	}
	return buffer->data + buffer->length;
}

int buffer_add(struct buffer *buffer, const void *data, size_t length)
{
	char *end = buffer_reserve(buffer, length);

	if (!end)
		return -1;
	if (length)
		memcpy(end, data, length);
	end[length] = '\0';
	buffer->length += length;
	return 0;
}

int buffer_add_string(struct buffer *buffer, const char *string)
{
	return buffer_add(buffer, string, strlen(string));
}

int buffer_add_format(struct buffer *buffer, const char *format, ...)
{
	va_list arguments, again;
	char *end;
	int length;

	va_start(arguments, format);
	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	end = length < 0 ? NULL : buffer_reserve(buffer, (size_t)length);
	if (end) {
		vsnprintf(end, (size_t)length + 1, format, again);
		buffer->length += (size_t)length;
	}
	va_end(again);
	if (!end)
		buffer->failed = true;
	return end ? 0 : -1;
}

const char *buffer_string(const struct buffer *buffer)
{
	return buffer->data ? buffer->data : "";
}

void buffer_clear(struct buffer *buffer)
{
	buffer->length = 0;
	buffer->failed = false;
	if (buffer->data)
		*buffer->data = '\0';
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = BUFFER_EMPTY;
}
