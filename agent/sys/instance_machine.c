/* A VM's own id, machine-id(5). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "sys/boot.h"
#include "sys/instance.h"
#include "sys/instance_sources.h"
#include "sys/statefile.h"

#define MACHINE_ID_LENGTH 32

/* What container managers leave behind: Docker, Podman, systemd. */
static bool has_container_marker(void)
{
	static const char *const markers[] = {
		"/.dockerenv", "/run/.containerenv", "/run/systemd/container"};
	struct buffer environment = BUFFER_EMPTY;
	char *variable = instance_variable("container");
	bool found = variable != NULL;

	/* What cannot be read may say that it is one. */
	found = found || boot_read_environment(&environment) != 0;
	for (size_t i = 0; !found && i < sizeof(markers) / sizeof(markers[0]); i++)
		found = access(markers[i], F_OK) == 0;
	buffer_free(&environment);
	free(variable);
	return found;
}

/* A container's process 1 is whatever was asked for; a machine's is an init. */
static bool is_vm(void)
{
	struct buffer name = BUFFER_EMPTY;
	bool init = instance_read_text("/proc/1/comm", &name) == 0 &&
		    (strcmp(buffer_string(&name), "systemd\n") == 0 ||
			    strcmp(buffer_string(&name), "init\n") == 0);

	buffer_free(&name);
	return init && !has_container_marker();
}

/* machine-id(5): where it cannot be kept, one for this boot only is mounted there. */
static bool is_kept(void)
{
	struct statx what;

	return statx(AT_FDCWD, "/etc/machine-id", 0, STATX_BASIC_STATS, &what) == 0 &&
	       (what.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) &&
	       !(what.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

int instance_read_machine(char *id, size_t size)
{
	struct buffer text = BUFFER_EMPTY;
	bool exists = false;

	id[0] = '\0';
	if (is_vm() && is_kept() &&
		statefile_read("/etc/machine-id", 64, &text, &exists, NULL) == 0 && exists &&
		text.length >= MACHINE_ID_LENGTH &&
		strspn(text.data, "0123456789abcdef") == MACHINE_ID_LENGTH)
		snprintf(id, size, "machine-%.*s", MACHINE_ID_LENGTH, text.data);
	buffer_free(&text);
	return *id ? 0 : -1;
}
