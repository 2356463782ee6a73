/* One line of authorized_keys: slices stay inside of it, and a key is its own copy. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "keys/line.h"

/* What is printed of a key must be read as the same key again. */
static void check_key(const struct pubkey *key)
{
	char *base64 = pubkey_base64(key);
	char fingerprint[PUBKEY_FINGERPRINT_SIZE];
	struct pubkey again;

	require(base64 != NULL);
	require(pubkey_parse(key->type, strlen(key->type), base64, strlen(base64), &again, NULL) ==
		0);
	require(pubkey_equal(key, &again) && key->bits == again.bits);
	pubkey_fingerprint(key, fingerprint);
	require(strlen(fingerprint) == PUBKEY_FINGERPRINT_SIZE - 1);
	pubkey_free(&again);
	free(base64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct key_line line;

	key_line_parse(text, size, &line);
	if (line.options_length)
		require(line.options_text >= text &&
			line.options_text + line.options_length <= text + size);
	if (line.comment_length)
		require(line.comment >= text && line.comment + line.comment_length <= text + size);
	require(line.kind != KEY_LINE_KEY || line.key.blob);
	require(line.kind != KEY_LINE_INVALID || line.error.message[0]);
	if (line.key.blob)
		check_key(&line.key);
	key_line_free(&line);
	return 0;
}
