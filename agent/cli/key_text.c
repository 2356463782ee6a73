#include "cli/key_text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/text.h"
#include "cli/cli.h"
#include "control/paths.h"
#include "keys/pubkey.h"

static int read_descriptor(int fd, const char *name, struct buffer *text)
{
	char *space;
	ssize_t got;

	for (;;) {
		space = buffer_reserve(text, 8192);
		if (!space)
			return cli_fail(EX_OSERR, "out of memory");
		got = read(fd, space, 8192);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return cli_fail(EX_NOINPUT, "cannot read %s: %s", name, strerror(errno));
		if (got == 0)
			return 0;
		text->length += (size_t)got;
		text->data[text->length] = '\0';
		if (text->length > CONTROL_BODY_MAX_ROOT)
			return cli_fail(EX_DATAERR, "%s holds more than %d bytes; is it a key?",
				name, CONTROL_BODY_MAX_ROOT);
	}
}

static int read_file(const char *path, struct buffer *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), status;

	if (fd < 0 && errno == ENOENT)
		return cli_fail(EX_NOINPUT,
			"there is no file %s, and it is not a key either; a key begins with its "
			"type: vastagent addkey 'ssh-ed25519 AAAA… name'",
			path);
	if (fd < 0)
		return cli_fail(EX_NOINPUT, "cannot open %s: %s", path, strerror(errno));
	status = read_descriptor(fd, path, text);
	close(fd);
	return status;
}

/* A word by itself is the name of a file, unless it is a bare blob. */
static bool looks_like_key(const char *operand)
{
	return strpbrk(operand, " \t\n") || strncmp(operand, "AAAA", 4) == 0 || !*operand;
}

/* A key that the shell has split into its words, since nobody put quotes around it. */
static bool is_split_key(const struct cli *cli)
{
	return cli->count >= 2 &&
	       pubkey_type_is_known(cli->operands[0], strlen(cli->operands[0])) &&
	       strncmp(cli->operands[1], "AAAA", 4) == 0;
}

static int collect(const struct cli *cli, struct buffer *text)
{
	bool split = is_split_key(cli);
	int status = 0;

	for (int i = 0; i < cli->count && status == 0; i++) {
		const char *operand = cli->operands[i];

		if (split || looks_like_key(operand))
			buffer_add_string(text, operand);
		else if (strcmp(operand, "-") == 0)
			status = read_descriptor(STDIN_FILENO, "standard input", text);
		else
			status = read_file(operand, text);
		buffer_add_string(text, split ? " " : "\n");
	}
	return status == 0 && text->failed ? cli_fail(EX_OSERR, "out of memory") : status;
}

/* JSON is UTF-8. Only comments can hold anything else and be a key all the same. */
static void replace_invalid(struct buffer *text)
{
	size_t step, replaced = 0;

	for (size_t i = 0; i < text->length; i += step) {
		step = text_utf8_length(text->data + i, text->length - i);
		if (step)
			continue;
		text->data[i] = '?';
		step = 1;
		replaced++;
	}
	if (replaced)
		cli_fail(0, "%zu bytes that are not UTF-8 were replaced by '?'", replaced);
}

int key_text_collect(const struct cli *cli, struct buffer *text)
{
	int status;

	if (cli->count == 0)
		return cli_fail(
			EX_USAGE, "%s needs a key, a file, or - for standard input", cli->command);
	status = collect(cli, text);
	if (status != 0)
		return status;
	if (memchr(buffer_string(text), '\0', text->length))
		return cli_fail(EX_DATAERR,
			"there are NUL bytes in the text; save the key as plain UTF-8 text");
	replace_invalid(text);
	return 0;
}
