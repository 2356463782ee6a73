#include "sys/boot.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "sys/instance_sources.h"

/* The field of /proc/PID/stat that is the start time; the second one is in parentheses. */
#define STAT_START 22

static int read_line(const char *path, char *out, size_t size)
{
	FILE *file = fopen(path, "re");
	const char *line = file ? fgets(out, (int)size, file) : NULL;

	if (file)
		fclose(file);
	return line ? 0 : -1;
}

int boot_read(struct boot *boot)
{
	char stat[1024];
	const char *field;

	*boot = (struct boot){.id = ""};
	if (read_line("/proc/sys/kernel/random/boot_id", boot->id, sizeof(boot->id)) != 0 ||
		read_line("/proc/1/stat", stat, sizeof(stat)) != 0)
		return -1;
	boot->id[strspn(boot->id, "0123456789abcdef-")] = '\0';
	field = strrchr(stat, ')');
	for (int i = 2; field && i < STAT_START; i++)
		field = strchr(field + 1, ' ');
	return *boot->id && field && sscanf(field, "%llu", &boot->start) == 1 ? 0 : -1;
}

static struct {
	bool tried;
	int result;
	struct buffer text;
} kept;

void boot_keep_environment(void)
{
	kept.result = instance_read_text("/proc/1/environ", &kept.text);
	kept.tried = true;
}

int boot_read_environment(struct buffer *environment)
{
	if (!kept.tried)
		return instance_read_text("/proc/1/environ", environment);
	return kept.result == 0 ? buffer_add(environment, kept.text.data, kept.text.length) : -1;
}
