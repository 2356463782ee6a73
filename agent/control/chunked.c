#include "control/chunked.h"

#include <string.h>

#define DIGITS_MAX 12 /* of a size, in hexadecimal */

static int digit(char letter)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *found = letter ? strchr(digits, letter) : NULL;

	return found ? (int)((found - digits) % 16) : -1;
}

static enum chunked_state take_size(struct chunked *chunked, char letter)
{
	int value = digit(letter);

	if (value >= 0) {
		chunked->left = chunked->left * 16 + (size_t)value;
		return ++chunked->digits <= DIGITS_MAX ? CHUNKED_SIZE : CHUNKED_BROKEN;
	}
	if (!chunked->digits || !strchr("\r\n; \t", letter) || !letter)
		return CHUNKED_BROKEN;
	if (letter != '\n')
		return CHUNKED_EXTENSION;
	chunked->digits = 0;
	return chunked->left ? CHUNKED_DATA : CHUNKED_TRAILER;
}

/* One byte that is not of the body. */
static enum chunked_state step(struct chunked *chunked, char letter)
{
	switch (chunked->state) {
	case CHUNKED_SIZE:
		return take_size(chunked, letter);
	case CHUNKED_EXTENSION:
		return letter == '\n' ? take_size(chunked, letter) : CHUNKED_EXTENSION;
	case CHUNKED_DATA_END:
		if (letter != '\n')
			return letter == '\r' ? CHUNKED_DATA_END : CHUNKED_BROKEN;
		*chunked = CHUNKED_START;
		return CHUNKED_SIZE;
	case CHUNKED_TRAILER:
		if (letter == '\n' && !chunked->digits)
			return CHUNKED_OVER;
		if (letter == '\n')
			chunked->digits = 0;
		else if (letter != '\r')
			chunked->digits = 1;
		return CHUNKED_TRAILER;
	default:
		return chunked->state;
	}
}

size_t chunked_take(struct chunked *chunked, char *data, size_t length)
{
	size_t kept = 0, run;

	for (size_t i = 0; i < length; i += run) {
		run = 1;
		if (chunked->state != CHUNKED_DATA) {
			chunked->state = step(chunked, data[i]);
			continue;
		}
		run = chunked->left < length - i ? chunked->left : length - i;
		memmove(data + kept, data + i, run);
		kept += run;
		chunked->left -= run;
		if (!chunked->left)
			chunked->state = CHUNKED_DATA_END;
	}
	return kept;
}
