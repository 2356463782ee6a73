/*
 * A line of authorized_keys: line, options, from= and pubkey. Whatever key comes out must
 * be the same key when it is written and read again.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "keys/from.h"
#include "keys/line.h"
#include "keys/patterns.h"

static void check_same_key(const struct pubkey *key)
{
	char *base64 = pubkey_base64(key);
	struct pubkey again;

	if (base64 && (pubkey_parse(key->type, strlen(key->type), base64, strlen(base64), &again,
			       NULL) != 0 ||
			      !pubkey_equal(key, &again) || key->bits != again.bits))
		abort();
	pubkey_free(&again);
	free(base64);
}

static void check_from(const struct key_line *line)
{
	struct buffer warnings = BUFFER_EMPTY;
	char *from = NULL;

	key_options_value(line->options_text, line->options_length, "from", &from);
	if (!from != !line->options.from)
		abort();
	/* Options that were taken hold patterns that can match. */
	if (from && from_check(from, &warnings, NULL) != 0)
		abort();
	if (from)
		pattern_list_matches(from, "192.0.2.1");
	free(from);
	buffer_free(&warnings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct key_line line;
	char *text = malloc(size);

	/* A copy of exactly that size, so that a byte read beyond it is seen. */
	if (!text && size)
		return 0;
	if (size)
		memcpy(text, data, size);
	key_line_parse(text, size, &line);
	if (line.kind == KEY_LINE_KEY) {
		check_same_key(&line.key);
		check_from(&line);
	}
	if ((line.kind == KEY_LINE_INVALID) != (line.error.code != ERROR_NONE))
		abort();
	key_line_free(&line);
	free(text);
	return 0;
}
