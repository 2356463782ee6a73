/*
 * A shell's start-up file: the condition that is put in can be taken out again, and
 * putting it in twice changes nothing.
 */
#include "fuzz.h"

#include <string.h>

#include "base/buffer.h"
#include "login/supersede.h"

#define BINARY "/usr/local/bin/vastagent"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct buffer out = BUFFER_EMPTY, again = BUFFER_EMPTY, back = BUFFER_EMPTY;
	bool had = size && memmem(text, size, BINARY, strlen(BINARY));
	enum supersede_outcome outcome = supersede_insert(text, size, BINARY, &out);

	require(outcome != SUPERSEDE_FAILED);
	require((outcome == SUPERSEDE_CHANGED) == (out.length > size));
	require(outcome == SUPERSEDE_CHANGED || out.length == 0);
	if (outcome == SUPERSEDE_CHANGED) {
		outcome = supersede_insert(out.data, out.length, BINARY, &again);
		require(outcome == SUPERSEDE_NOTHING || outcome == SUPERSEDE_LEFT_ALONE);
		require(supersede_remove(out.data, out.length, BINARY, &back) == SUPERSEDE_CHANGED);
		require(had || (back.length == size && memcmp(back.data, text, size) == 0));
	}
	buffer_free(&back);
	outcome = supersede_remove(text, size, BINARY, &back);
	require(outcome == SUPERSEDE_CHANGED ? back.length < size && had : back.length == 0);
	buffer_free(&out);
	buffer_free(&again);
	buffer_free(&back);
	return 0;
}
