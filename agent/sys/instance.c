#include "sys/instance.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "sys/boot.h"
#include "sys/instance_sources.h"

#define TEXT_LIMIT (4 * 1024 * 1024)
#define MACHINE    "machine-"

int instance_read_text(const char *path, struct buffer *text)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t got = -1;
	char *space;

	while (fd >= 0 && text->length < TEXT_LIMIT) {
		space = buffer_reserve(text, 8192);
		got = space ? read(fd, space, 8192) : -1;
		if (got <= 0)
			break;
		text->length += (size_t)got;
		text->data[text->length] = '\0';
	}
	if (fd >= 0)
		close(fd);
	return got == 0 ? 0 : -1;
}

char *instance_variable(const char *name)
{
	struct buffer environment = BUFFER_EMPTY;
	size_t length = strlen(name), at = 0;
	char *value = NULL;

	if (boot_read_environment(&environment) == 0) {
		for (; at < environment.length && !value; at += strlen(environment.data + at) + 1)
			if (strncmp(environment.data + at, name, length) == 0 &&
				environment.data[at + length] == '=')
				value = strdup(environment.data + at + length + 1);
	}
	buffer_free(&environment);
	return value;
}

int instance_parse_id(const char *text, char *id, size_t size)
{
	const char *digits = text && strncmp(text, "C.", 2) == 0 ? text + 2 : text;

	id[0] = '\0';
	/* What begins like a machine's id would be taken for one. */
	if (!digits || strlen(digits) >= size || strncmp(digits, MACHINE, strlen(MACHINE)) == 0 ||
		digits[strspn(digits, "0123456789abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-")] != '\0')
		return -1;
	strcpy(id, digits);
	return id[0] ? 0 : -1;
}

int instance_id(char *id, size_t size)
{
	char *value = instance_variable("CONTAINER_ID");
	int result;

	if (!value)
		value = instance_variable("VAST_CONTAINERLABEL");
	result = instance_parse_id(value, id, size);
	free(value);
	return result == 0 ? 0 : instance_read_handed_over(id, size);
}

void instance_read(struct instance *here)
{
	if (instance_id(here->id, sizeof(here->id)) != 0)
		instance_read_label(here->id, sizeof(here->id));
	instance_read_machine(here->machine, sizeof(here->machine));
}

const char *instance_name(const struct instance *here)
{
	return *here->id ? here->id : here->machine;
}

/*
 * A VM's agent may start before the on-start hands the platform's id over: the state that
 * is the platform's "12345" must not be taken for another's because of its machine-id.
 */
bool instance_is_other(const struct instance *here, const char *owner)
{
	const char *same_kind =
		strncmp(owner, MACHINE, strlen(MACHINE)) == 0 ? here->machine : here->id;

	return *owner && *same_kind && strcmp(owner, same_kind) != 0;
}
