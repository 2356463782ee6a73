/*
 * What the agent thinks of lines of authorized_keys. Reads requests from standard input,
 *
 *   KEY ADDRESS FILE      each of them hexadecimal; KEY is "type base64"
 *
 * and answers each with one line: "accepted" if sshd, reading that file, would let KEY in
 * from ADDRESS, else "refused: REASON".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "keys/line.h"
#include "keys/patterns.h"

static int digit(char letter)
{
	return letter <= '9' ? letter - '0' : letter - 'a' + 10;
}

/* Decodes a hexadecimal word in place and returns its length. */
static size_t unhex(char *word)
{
	size_t length = strlen(word) / 2;

	for (size_t i = 0; i < length; i++)
		word[i] = (char)(digit(word[2 * i]) << 4 | digit(word[2 * i + 1]));
	word[length] = '\0';
	return length;
}

static const char *judge_line(
	const struct key_line *line, const struct pubkey *key, const char *address)
{
	char *from = NULL;
	const char *reason = NULL;

	if (line->kind == KEY_LINE_BLANK || line->kind == KEY_LINE_COMMENT)
		return "no key";
	if (line->kind == KEY_LINE_INVALID)
		return line->error.message;
	if (!pubkey_equal(&line->key, key))
		return "another key";
	if (line->options.cert_authority)
		return "cert-authority";
	if (line->options.expires && line->options.expires < time(NULL))
		return "expired";
	if (key_options_value(line->options_text, line->options_length, "from", &from) != 0)
		return "out of memory";
	if (from && !pattern_list_matches(from, address))
		reason = "not from this address";
	free(from);
	return reason;
}

/* sshd takes the first line that lets the key in. */
static void judge_file(
	const char *text, size_t length, const struct pubkey *key, const char *address)
{
	char why[sizeof(((struct error *)NULL)->message)] = "empty";
	struct key_line line;
	const char *end = text + length, *next, *reason;

	for (; text < end; text = next + 1) {
		next = memchr(text, '\n', (size_t)(end - text));
		if (!next)
			next = end;
		key_line_parse(text, (size_t)(next - text), &line);
		reason = judge_line(&line, key, address);
		if (reason)
			snprintf(why, sizeof(why), "%s", reason);
		key_line_free(&line);
		if (!reason) {
			puts("accepted");
			return;
		}
	}
	printf("refused: %s\n", why);
}

int main(void)
{
	char *request = NULL, *rest, *key_text, *address, *file, *base64;
	size_t size = 0, length;
	struct pubkey key;
	struct error error;

	while (getline(&request, &size, stdin) > 0) {
		request[strcspn(request, "\n")] = '\0';
		rest = request;
		key_text = strsep(&rest, " ");
		address = strsep(&rest, " ");
		file = rest ? strsep(&rest, " ") : NULL;
		if (!file)
			return 64;
		unhex(key_text);
		unhex(address);
		length = unhex(file);
		base64 = strchr(key_text, ' ');
		if (!base64 || pubkey_parse(key_text, (size_t)(base64 - key_text), base64 + 1,
				       strlen(base64 + 1), &key, &error) != 0)
			return 65;
		judge_file(file, length, &key, address);
		fflush(stdout);
		pubkey_free(&key);
	}
	free(request);
	return 0;
}
