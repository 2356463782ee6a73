#include "daemon/pause.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
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

static void file_of(char path[PATH_MAX], const char *state_dir)
{
	snprintf(path, PATH_MAX, "%s/pause", state_dir);
}

int pause_save(const char *state_dir, const struct pause *pause, struct error *error)
{
	struct buffer text = BUFFER_EMPTY;
	char path[PATH_MAX], instance[INSTANCE_ID_SIZE];
	int result;

	file_of(path, state_dir);
	if (!pause->on)
		return unlink(path) == 0 || errno == ENOENT
			       ? 0
			       : error_set_errno(
					 error, ERROR_CANNOT_WRITE, "cannot remove %s", path);
	instance_id(instance, sizeof(instance));
	/* An id has no character that JSON escapes. */
	if (buffer_add_format(&text, "{\"until\":%lld,\"seconds\":%ld,\"instance\":\"%s\"}\n",
		    (long long)pause->until, pause->seconds, instance) != 0)
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

static int parse(const struct buffer *text, struct pause *pause)
{
	json_t *root = json_loadb(buffer_string(text), text->length, 0, NULL);
	json_int_t until, seconds;
	const char *owner;
	int result = -1;

	if (json_unpack(root, "{sI sI ss}", "until", &until, "seconds", &seconds, "instance",
		    &owner) == 0 &&
		until >= 0 && seconds >= 0 && seconds <= LONG_MAX && is_ours(owner)) {
		*pause = (struct pause){true, (time_t)until, (long)seconds};
		result = 0;
	}
	json_decref(root);
	return result;
}

void pause_load(const char *state_dir, struct pause *pause)
{
	struct buffer text = BUFFER_EMPTY;
	struct error error = {0};
	char path[PATH_MAX];
	bool exists;

	*pause = (struct pause){0};
	file_of(path, state_dir);
	if (statefile_read(path, FILE_LIMIT, &text, &exists, &error) != 0)
		log_warning("%s", error.message);
	else if (exists && (parse(&text, pause) != 0 ||
				   (pause->until && pause_left(pause, time(NULL)) == 0))) {
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
