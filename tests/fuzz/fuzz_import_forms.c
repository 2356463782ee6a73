/*
 * What is pasted, of every form. The first byte says whether separators count and which
 * function gets the rest. What comes out must be what went in can name: lines that
 * nothing breaks, which sshd's grammar takes for those keys, and nothing private.
 */
#include "fuzz.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "keys/import.h"
#include "keys/import_forms.h"
#include "keys/import_private.h"
#include "keys/import_text.h"
#include "keys/line.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return sodium_init() < 0 ? -1 : 0;
}

static void check_key(const struct import_key *key)
{
	char *base64 = pubkey_base64(&key->key);
	struct buffer line = BUFFER_EMPTY;
	struct key_line parsed;

	buffer_add_format(&line, "%s%s%s %s %s", key->options, *key->options ? " " : "",
		key->key.type, base64, key->comment);
	require(text_is_visible(line.data, line.length));
	key_line_parse(line.data, line.length, &parsed);
	require(parsed.kind == KEY_LINE_KEY);
	require(pubkey_equal(&parsed.key, &key->key));
	require(parsed.options_length == strlen(key->options));
	key_line_free(&parsed);
	buffer_free(&line);
	free(base64);
}

static void check_import(const char *text, size_t size, bool separators)
{
	struct import import;
	struct error error = {0};
	int result = import_parse(text, size, separators, &import, &error);

	require(result == 0 || error.code != ERROR_NONE);
	require(result == 0 || import.key_count == 0);
	for (size_t i = 0; i < import.key_count; i++)
		check_key(&import.keys[i]);
	for (size_t i = 0; i < import.reject_count; i++)
		require(*import.rejects[i].error.message && import.rejects[i].line > 0);
	import_free(&import);
}

/* What the client does before a text leaves it. */
static void check_cut(const char *text, size_t size, bool separators)
{
	struct buffer copy = BUFFER_EMPTY, notes = BUFFER_EMPTY;

	if (import_text_decode(text, size, separators, &copy, &notes, NULL) == 0) {
		import_private_cut(copy.data, copy.length);
		if (import_private_refuse(copy.data, copy.length, NULL) == 0)
			require(!memmem(copy.data, copy.length, "Private-Lines:", 14));
	}
	import_text_wipe(&copy);
	buffer_free(&notes);
}

typedef int form_reader(const char *, size_t, struct import_block *, struct error *);

static void check_form(form_reader *read, const char *text, size_t size)
{
	struct import_block block;
	struct error error = {0};

	if (read(text, size, &block, &error) == 0)
		require(block.note && block.base64.length);
	require(block.length <= size);
	import_block_free(&block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static form_reader *const forms[] = {import_pem, import_rfc4716, import_putty};
	bool separators;
	char *text;

	if (size < 1)
		return 0;
	/* A copy of its own, so that a byte behind it is seen to be read. */
	text = malloc(size > 1 ? size - 1 : 1);
	memcpy(text, data + 1, size - 1);
	separators = data[0] & 1;
	check_import(text, size - 1, separators);
	check_cut(text, size - 1, separators);
	for (size_t i = 0; i < 3; i++)
		if (size > 11 && import_form_of(text, size - 1) == i + 1 && strchr("-P", text[0]) &&
			text[0])
			check_form(forms[i], text, size - 1);
	free(text);
	return 0;
}
