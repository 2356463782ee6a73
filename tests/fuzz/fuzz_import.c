/* What people paste: whatever it is, each key of it is one line, and that key to sshd. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "keys/import.h"
#include "keys/line.h"

static void check_rendered(const struct import_key *key)
{
	struct buffer text = BUFFER_EMPTY;
	char *base64 = pubkey_base64(&key->key);
	struct key_line line;

	require(base64 != NULL);
	buffer_add_format(&text, "%s%s%s %s %s", key->options, *key->options ? " " : "",
		key->key.type, base64, key->comment);
	require(text_is_visible(buffer_string(&text), text.length));
	key_line_parse(buffer_string(&text), text.length, &line);
	require(line.kind == KEY_LINE_KEY && pubkey_equal(&line.key, &key->key));
	require(line.options_length == strlen(key->options));
	key_line_free(&line);
	buffer_free(&text);
	free(base64);
}

/* The first byte says whether separators end a line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct import import;
	struct error error = {0};
	int result;

	if (size == 0)
		return 0;
	result = import_parse((const char *)data + 1, size - 1, data[0] & 1, &import, &error);
	require(result == 0 || (result == -1 && error.message[0]));
	for (size_t i = 0; i < import.key_count; i++)
		check_rendered(&import.keys[i]);
	for (size_t i = 0; i < import.reject_count; i++)
		require(import.rejects[i].line > 0 && import.rejects[i].error.message[0]);
	import_free(&import);
	return 0;
}
