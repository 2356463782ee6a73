#include "cli/key_text.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/cli.h"
#include "control/paths.h"
#include "keys/import_private.h"
#include "keys/import_text.h"
#include "keys/pubkey.h"

/* Larger than anything that is taken: the bytes must not move, or copies would stay. */
#define ROOM (CONTROL_BODY_MAX_ROOT + 8192)

static int out_of_memory(void)
{
	return cli_fail(EX_OSERR, "out of memory");
}

static int read_descriptor(int fd, const char *name, struct buffer *bytes)
{
	ssize_t got;

	for (;;) {
		got = read(fd, bytes->data + bytes->length, ROOM - bytes->length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return cli_fail(EX_NOINPUT, "cannot read %s: %s", name, strerror(errno));
		if (got == 0)
			return 0;
		bytes->length += (size_t)got;
		if (bytes->length > CONTROL_BODY_MAX_ROOT)
			return cli_fail(EX_DATAERR, "%s holds more than %d bytes; is it a key?",
				name, CONTROL_BODY_MAX_ROOT);
	}
}

static int read_file(const char *path, struct buffer *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), status;

	if (fd < 0 && errno == ENOENT)
		return cli_fail(EX_NOINPUT,
			"there is no file %s, and it is not a key either; a key begins with its "
			"type: vastagent addkey 'ssh-ed25519 AAAA… name'",
			path);
	if (fd < 0)
		return cli_fail(EX_NOINPUT, "cannot open %s: %s", path, strerror(errno));
	status = read_descriptor(fd, path, bytes);
	close(fd);
	return status;
}

/* A word by itself is the name of a file, unless it is a bare blob. */
static bool looks_like_key(const char *operand)
{
	return strpbrk(operand, " \t\n") || strncmp(operand, "AAAA", 4) == 0 ||
	       strncmp(operand, "PuTTY-User-Key-File-", 20) == 0 || !*operand;
}

/* A key that the shell has split into its words, since nobody put quotes around it. */
static bool is_split_key(const struct cli *cli)
{
	return cli->count >= 2 &&
	       pubkey_type_is_known(cli->operands[0], strlen(cli->operands[0])) &&
	       strncmp(cli->operands[1], "AAAA", 4) == 0;
}

/* JSON is UTF-8. Only comments can hold anything else and be a key all the same. */
static void replace_invalid(char *text, size_t length)
{
	size_t step, replaced = 0;

	for (size_t i = 0; i < length; i += step) {
		step = text_utf8_length(text + i, length - i);
		if (step)
			continue;
		text[i] = '?';
		step = 1;
		replaced++;
	}
	if (replaced)
		cli_fail(0, "%zu bytes that are not UTF-8 were replaced by '?'", replaced);
}

/* Each sentence as a line on standard error. */
static void print_notes(const struct buffer *notes)
{
	const char *at = buffer_string(notes), *end;

	for (; (end = strchr(at, '\n')); at = end + 1)
		cli_fail(0, "%.*s", (int)(end - at), at);
}

/* A private key must not leave this process: it is cut out, or everything is refused. */
static int keep_public(struct buffer *text, size_t start)
{
	struct error error = {0};
	size_t cut = import_private_cut(text->data + start, text->length - start);

	if (import_private_refuse(text->data + start, text->length - start, &error) != 0)
		return cli_fail_error(&error);
	if (cut)
		cli_fail(0, "the PuTTY file holds a PRIVATE key: only its public part is used, the "
			    "private one was cut out and has not left this command");
	return 0;
}

/* Appends the bytes of one operand to *text, as lines of UTF-8. */
static int add_operand(const struct cli *cli, const char *bytes, size_t length, struct buffer *text)
{
	struct buffer notes = BUFFER_EMPTY;
	struct error error = {0};
	size_t start = text->length;
	int status = 0;

	/* Decoding adds half at most. */
	if (length > CONTROL_BODY_MAX_ROOT || start + length + length / 2 > ROOM * 2)
		return cli_fail(EX_DATAERR, "that is more than %d bytes; is it a key?",
			CONTROL_BODY_MAX_ROOT);
	if (memchr(bytes, '\0', length) && import_private_refuse(bytes, length, &error) != 0)
		return cli_fail_error(&error);
	if (import_text_decode(bytes, length, cli->template, text, &notes, &error) != 0)
		status = cli_fail_error(&error);
	else
		status = keep_public(text, start);
	if (status == 0) {
		print_notes(&notes);
		replace_invalid(text->data + start, text->length - start);
	}
	buffer_free(&notes);
	return status;
}

static int add_input(const struct cli *cli, const char *path, struct buffer *text)
{
	struct buffer bytes = BUFFER_EMPTY;
	int status;

	if (!buffer_reserve(&bytes, ROOM))
		return out_of_memory();
	if (strcmp(path, "-") == 0)
		status = read_descriptor(STDIN_FILENO, "standard input", &bytes);
	else
		status = read_file(path, &bytes);
	if (status == 0)
		status = add_operand(cli, bytes.data, bytes.length, text);
	import_text_wipe(&bytes);
	return status;
}

/* The arguments can be seen by others for as long as they stand there. */
static void wipe_operands(const struct cli *cli)
{
	for (int i = 0; i < cli->count; i++)
		sodium_memzero(cli->operands[i], strlen(cli->operands[i]));
}

static int add_split(const struct cli *cli, struct buffer *text)
{
	struct buffer line = BUFFER_EMPTY;
	int status;

	for (int i = 0; i < cli->count; i++) {
		buffer_add_string(&line, i ? " " : "");
		buffer_add_string(&line, cli->operands[i]);
	}
	status = line.failed ? out_of_memory() : add_operand(cli, line.data, line.length, text);
	import_text_wipe(&line);
	return status;
}

static int collect(const struct cli *cli, struct buffer *text)
{
	int status = 0;

	if (is_split_key(cli))
		return add_split(cli, text);
	for (int i = 0; i < cli->count && status == 0; i++) {
		const char *operand = cli->operands[i];

		if (looks_like_key(operand))
			status = add_operand(cli, operand, strlen(operand), text);
		else
			status = add_input(cli, operand, text);
		buffer_add_string(text, "\n");
	}
	return status;
}

int key_text_collect(const struct cli *cli, struct buffer *text)
{
	int status;

	if (cli->count == 0)
		return cli_fail(
			EX_USAGE, "%s needs a key, a file, or - for standard input", cli->command);
	if (!buffer_reserve(text, ROOM * 2 + (size_t)cli->count))
		return out_of_memory();
	status = collect(cli, text);
	if (status == 0 && text->failed)
		status = out_of_memory();
	/* A key whose parts came as several operands is one all the same. */
	if (status == 0)
		status = keep_public(text, 0);
	if (status == EX_DATAERR)
		wipe_operands(cli);
	return status;
}
