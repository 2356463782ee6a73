#include "daemon/pause.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "sys/instance.h"
#include "sys/statefile.h"

#define FILE_LIMIT 4096

/* Behind the text, in hexadecimal. */
#define SUM_DIGITS (2 * crypto_hash_sha256_BYTES)

static void sum_of(const char *text, size_t length, char digits[SUM_DIGITS + 1])
{
	unsigned char sum[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(sum, (const unsigned char *)text, length);
	sodium_bin2hex(digits, SUM_DIGITS + 1, sum, sizeof(sum));
}

static void file_of(char path[PATH_MAX], const char *state_dir)
{
	snprintf(path, PATH_MAX, "%s/pause", state_dir);
}

int pause_save(const char *state_dir, const struct pause *pause, struct error *error)
{
	struct buffer text = BUFFER_EMPTY;
	char path[PATH_MAX], instance[INSTANCE_ID_SIZE], digits[SUM_DIGITS + 1];
	int result;

	file_of(path, state_dir);
	if (!pause->on)
		return unlink(path) == 0 || errno == ENOENT
			       ? 0
			       : error_set_errno(
					 error, ERROR_CANNOT_WRITE, "cannot remove %s", path);
	instance_id(instance, sizeof(instance));
	/* An id has no character that JSON escapes. */
	buffer_add_format(&text, "{\"until\":%lld,\"seconds\":%ld,\"instance\":\"%s\"}\n",
		(long long)pause->until, pause->seconds, instance);
	sum_of(buffer_string(&text), text.length, digits);
	if (buffer_add_format(&text, "%s\n", digits) != 0)
		result = error_set(error, ERROR_INTERNAL, "out of memory");
	else
		result = statefile_write(path, &text, error);
	buffer_free(&text);
	return result;
}

/* A copied image's agent must look at the keys that came with it. */
static bool is_ours(const char *owner)
{
	struct instance here;

	instance_read(&here);
	return !instance_is_other(&here, owner);
}

/* A wrong digit would be another end. */
static bool is_as_saved(const struct buffer *text, size_t length)
{
	char digits[SUM_DIGITS + 1];

	sum_of(buffer_string(text), length, digits);
	return text->length == length + SUM_DIGITS + 1 && text->data[text->length - 1] == '\n' &&
	       memcmp(text->data + length, digits, SUM_DIGITS) == 0;
}

/* Returns 0; or -1 if it is damaged. One that belongs to another instance is none. */
static int parse(const struct buffer *text, struct pause *pause)
{
	size_t length = strcspn(buffer_string(text), "\n") + 1;
	json_t *root = is_as_saved(text, length) ? json_loadb(text->data, length, 0, NULL) : NULL;
	json_int_t until, seconds;
	const char *owner;
	int result = -1;

	if (json_unpack(root, "{sI sI ss}", "until", &until, "seconds", &seconds, "instance",
		    &owner) == 0 &&
		until >= 0 && seconds >= 0 && seconds <= LONG_MAX) {
		*pause = (struct pause){is_ours(owner), (time_t)until, (long)seconds};
		result = 0;
	}
	json_decref(root);
	return result;
}

static bool is_over(const struct pause *pause)
{
	return !pause->on || (pause->until && pause_left(pause, time(NULL)) == 0);
}

void pause_load(const char *state_dir, struct pause *pause)
{
	struct buffer text = BUFFER_EMPTY;
	struct error error = {0};
	char path[PATH_MAX];
	bool exists = false;

	*pause = (struct pause){0};
	file_of(path, state_dir);
	if (statefile_read(path, FILE_LIMIT, &text, &exists, &error) != 0)
		log_warning("%s", error.message);
	else if (exists && parse(&text, pause) != 0)
		log_warning(
			"%s is damaged: keys are restored again; vastagent pause stops that", path);
	if (exists && error.code == ERROR_NONE && is_over(pause)) {
		*pause = (struct pause){0};
		if (pause_save(state_dir, pause, &error) != 0)
			log_warning("%s", error.message);
	}
	buffer_free(&text);
}

long pause_left(const struct pause *pause, time_t now)
{
	if (pause->until <= now)
		return 0;
	return pause->until - now < pause->seconds ? (long)(pause->until - now) : pause->seconds;
}
