/*
 * Each directory in which a name on the way to the file is looked up, links followed: a
 * change of one of these names may make another file of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/homefile.h"
#include "sys/homefile_child.h"
#include "sys/homefile_places.h"
#include "sys/homefile_wire.h"

/* As path_resolution(7) has it for links; a path has at most half of PATH_MAX parts. */
#define STEPS_MAX (40 + PATH_MAX / 2)

static void forget_first(struct homefile_places *places)
{
	const char *second = strchr(places->names, '/');

	close(places->directories[0]);
	memmove(places->directories, places->directories + 1,
		--places->count * sizeof(places->directories[0]));
	memmove(places->names, second + 1, strlen(second + 1) + 1);
	places->home -= places->home >= 0;
}

/* Where there are too many, those next to the file count. */
static void add(struct homefile_places *places, int directory, const char *name)
{
	size_t length;

	if (places->count == HOMEFILE_PLACES)
		forget_first(places);
	directory = fcntl(directory, F_DUPFD_CLOEXEC, 0);
	if (directory < 0)
		return;
	length = strlen(places->names);
	snprintf(places->names + length, sizeof(places->names) - length, "%s%s",
		places->count ? "/" : "", name);
	places->directories[places->count++] = directory;
}

/* Takes the first name off a path. False at its end. */
static bool take_name(char *path, char name[NAME_MAX + 1])
{
	size_t start = strspn(path, "/"), length = strcspn(path + start, "/");

	if (!length || length > NAME_MAX)
		return false;
	memcpy(name, path + start, length);
	name[length] = '\0';
	start += length;
	start += strspn(path + start, "/");
	memmove(path, path + start, strlen(path + start) + 1);
	return true;
}

/* Puts a link's target in front of what is left of the path. */
static int follow(int link, char path[PATH_MAX])
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(link, "", target, sizeof(target) - 1);
	size_t left = strlen(path);

	if (length <= 0 || (size_t)length + left + 2 > PATH_MAX)
		return -1;
	memmove(path + length + 1, path, left + 1);
	memcpy(path, target, (size_t)length);
	path[length] = '/';
	return 0;
}

/*
 * One name further from directory, which is closed. Returns the next directory, or -1
 * where the way ends.
 */
static int step(int directory, const char *name, char path[PATH_MAX])
{
	int next = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat what;

	if (next >= 0 && fstat(next, &what) == 0 && S_ISDIR(what.st_mode)) {
		close(directory);
		return next;
	}
	if (next >= 0 && S_ISLNK(what.st_mode) && follow(next, path) == 0) {
		close(next);
		if (path[0] != '/')
			return directory;
		next = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	} else if (next >= 0) {
		close(next);
		next = -1;
	}
	close(directory);
	return next;
}

void homefile_places_find(const char *file, struct homefile_places *places)
{
	int directory = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[PATH_MAX], name[NAME_MAX + 1];
	const char *last = strrchr(file, '/') + 1;
	bool seen = false;

	*places = (struct homefile_places){.home = -1};
	snprintf(path, sizeof(path), "%s", file);
	for (int i = 0; i < STEPS_MAX && directory >= 0 && take_name(path, name); i++) {
		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			add(places, directory, name);
			/* The first time: what a link leads to comes behind it. */
			if (!seen && strcmp(path, last) == 0)
				places->home = (int)places->count - 1;
			seen = seen || places->home >= 0;
		}
		directory = step(directory, name, path);
	}
	if (directory >= 0)
		close(directory);
}

void homefile_places_close(struct homefile_places *places)
{
	for (unsigned i = 0; i < places->count; i++)
		close(places->directories[i]);
	places->count = 0;
}

void homefile_places_send(const struct homefile_child *child)
{
	struct homefile_places places;
	struct homefile_message answer = {.kind = ERROR_NONE};
	struct iovec part = {.iov_base = &answer, .iov_len = sizeof(answer)};
	union {
		char space[CMSG_SPACE(sizeof(places.directories))];
		struct cmsghdr align;
	} control = {.space = {0}};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *header;

	homefile_places_find(child->path, &places);
	answer.flags = (uint32_t)places.home;
	answer.length = strlen(places.names);
	if (places.count) {
		message.msg_control = control.space;
		message.msg_controllen = CMSG_SPACE(places.count * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(places.count * sizeof(int));
		memcpy(CMSG_DATA(header), places.directories, places.count * sizeof(int));
	}
	if (sendmsg(child->socket, &message, MSG_NOSIGNAL) != sizeof(answer) ||
		homefile_send(child->socket, places.names, (size_t)answer.length) != 0)
		_exit(1);
	homefile_places_close(&places);
}
