#include "login/agent_link.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINK_NAME "agent.sock"

static bool is_socket(const char *path)
{
	struct stat status;

	return *path == '/' && stat(path, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* True if the link may be made: nothing is there, or an older link. */
static bool is_free(int directory)
{
	struct stat status;

	if (fstatat(directory, LINK_NAME, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT;
	return S_ISLNK(status.st_mode);
}

static int replace_link(int directory, const char *target)
{
	char temporary[64];

	snprintf(temporary, sizeof(temporary), "." LINK_NAME ".%ld", (long)getpid());
	/* One of this name can only be left over from a process that died. */
	unlinkat(directory, temporary, 0);
	if (symlinkat(target, directory, temporary) != 0)
		return -1;
	if (renameat(directory, temporary, directory, LINK_NAME) == 0)
		return 0;
	unlinkat(directory, temporary, 0);
	return -1;
}

void agent_link_read(const char *home, char *out, size_t size)
{
	char path[PATH_MAX];
	ssize_t length = -1;

	if ((size_t)snprintf(path, sizeof(path), "%s/.ssh/" LINK_NAME, home) < sizeof(path))
		length = readlink(path, out, size - 1);
	out[length > 0 ? length : 0] = '\0';
}

int agent_link_update(const char *home, const char *target, char *out, size_t size)
{
	int length = snprintf(out, size, "%s/.ssh/" LINK_NAME, home);
	int directory, result = -1;

	if (length < 0 || (size_t)length >= size || strcmp(out, target) == 0 || !is_socket(target))
		return -1;
	/* Up to the last slash: the directory itself. */
	out[(size_t)length - strlen("/" LINK_NAME)] = '\0';
	directory = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	out[(size_t)length - strlen("/" LINK_NAME)] = '/';
	if (directory < 0)
		return -1;
	if (is_free(directory))
		result = replace_link(directory, target);
	close(directory);
	return result;
}
