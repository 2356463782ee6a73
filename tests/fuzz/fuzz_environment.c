/*
 * Text as of /etc/environment and blocks as of /proc/1/environ: what is taken from them
 * has a name that may pass, and comes back whole from the text written for a shell.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "login/environment.h"
#include "login/environment_file.h"
#include "login/environment_text.h"

/* A word between single quotes, as sh reads it. Returns what follows. */
static const char *unquote(const char *text, struct buffer *value)
{
	for (;;) {
		require(*text == '\'');
		for (text++; *text != '\''; text++) {
			require(*text != '\0');
			buffer_add(value, text, 1);
		}
		if (strncmp(++text, "\\'", 2) != 0)
			return text;
		buffer_add(value, "'", 1);
		text += 2;
	}
}

static void check(const struct environment *environment)
{
	struct buffer text = BUFFER_EMPTY;
	const char *at;

	environment_text_plain(ENVIRONMENT_SH, environment, &text);
	require(!text.failed && strlen(buffer_string(&text)) == text.length);
	at = buffer_string(&text);
	for (size_t i = 0; i < environment->count; i++) {
		const struct environment_variable *variable = &environment->list[i];
		struct buffer value = BUFFER_EMPTY;

		require(environment_name_passes(variable->name));
		require(environment_get(environment, variable->name) == variable->value);
		if (strcmp(variable->name, "PATH") == 0)
			break;
		require(strncmp(at, "export ", 7) == 0);
		at += 7;
		require(strncmp(at, variable->name, strlen(variable->name)) == 0);
		at = unquote(at + strlen(variable->name) + 1, &value);
		require(*at++ == '\n' && strcmp(buffer_string(&value), variable->value) == 0);
		buffer_free(&value);
	}
	buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct environment_start start = {.boot = {.id = "0", .start = 1}};
	struct environment parsed = ENVIRONMENT_EMPTY, block = ENVIRONMENT_EMPTY;
	struct buffer text = BUFFER_EMPTY;

	require(environment_file_parse(&parsed, (const char *)data, size) == 0);
	require(environment_add_block(&block, (const char *)data, size) == 0);
	check(&parsed);
	check(&block);
	environment_text_file(ENVIRONMENT_SH, &block, &parsed, &start, &text);
	environment_text_file(ENVIRONMENT_FISH, &parsed, &block, &start, &text);
	require(!text.failed);
	buffer_free(&text);
	environment_free(&parsed);
	environment_free(&block);
	return 0;
}
