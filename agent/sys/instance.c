#include "sys/instance.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"

#define ENVIRONMENT_LIMIT (1024 * 1024)

static int read_environment(struct buffer *environment)
{
	int fd = open("/proc/1/environ", O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;
	char *space;

	while (fd >= 0 && environment->length < ENVIRONMENT_LIMIT) {
		space = buffer_reserve(environment, 8192);
		got = space ? read(fd, space, 8192) : -1;
		if (got <= 0)
			break;
		environment->length += (size_t)got;
		environment->data[environment->length] = '\0';
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

	if (read_environment(&environment) == 0) {
		for (; at < environment.length && !value; at += strlen(environment.data + at) + 1)
			if (strncmp(environment.data + at, name, length) == 0 &&
				environment.data[at + length] == '=')
				value = strdup(environment.data + at + length + 1);
	}
	buffer_free(&environment);
	return value;
}

int instance_id(char *id, size_t size)
{
	char *value = instance_variable("CONTAINER_ID");
	const char *digits = value;

	if (!value) {
		value = instance_variable("VAST_CONTAINERLABEL");
		digits = value && strncmp(value, "C.", 2) == 0 ? value + 2 : value;
	}
	id[0] = '\0';
	if (digits && *digits && strlen(digits) < size &&
		digits[strspn(digits, "0123456789abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-")] == '\0')
		strcpy(id, digits);
	free(value);
	return id[0] ? 0 : -1;
}
