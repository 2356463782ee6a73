#include "cli/bundle.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/process.h"

#define ARGUMENT_LIMIT 16

/* Parents first. */
static const char *const directories[] = {
	"onstart", "onstart/hook", "packaging", "packaging/vast_agents", "packaging/vast_boot.d"};

#define DIRECTORY_COUNT (sizeof(directories) / sizeof(directories[0]))

static int write_file(const char *directory, const struct bundle_file *file, struct error *error)
{
	char path[PATH_MAX];
	ssize_t written;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, file->path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_set_errno(error, ERROR_CANNOT_WRITE, "cannot write %s", path);
	written = write(fd, file->data, file->size);
	if (close(fd) != 0 || written != (ssize_t)file->size)
		return error_set_errno(error, ERROR_CANNOT_WRITE, "cannot write %s", path);
	return 0;
}

static int unpack(const char *directory, struct error *error)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < DIRECTORY_COUNT; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, directories[i]);
		if (mkdir(path, 0700) != 0)
			return error_set_errno(error, ERROR_CANNOT_WRITE, "cannot make %s", path);
	}
	for (const struct bundle_file *file = bundle_files; file->path; file++)
		if (write_file(directory, file, error) != 0)
			return -1;
	return 0;
}

static void remove_files(const char *directory)
{
	char path[PATH_MAX];

	for (const struct bundle_file *file = bundle_files; file->path; file++) {
		snprintf(path, sizeof(path), "%s/%s", directory, file->path);
		unlink(path);
	}
	for (size_t i = DIRECTORY_COUNT; i-- > 0;) {
		snprintf(path, sizeof(path), "%s/%s", directory, directories[i]);
		rmdir(path);
	}
	rmdir(directory);
}

static int run(const char *directory, const char *script, const char *const arguments[],
	struct error *error)
{
	const char *all[ARGUMENT_LIMIT + 3] = {"sh"};
	char path[PATH_MAX];
	pid_t child;

	snprintf(path, sizeof(path), "%s/onstart/%s", directory, script);
	all[1] = path;
	for (size_t i = 0; i < ARGUMENT_LIMIT && arguments[i]; i++)
		all[i + 2] = arguments[i];
	child = fork();
	if (child == 0) {
		execv("/bin/sh", (char *const *)all);
		_exit(127);
	}
	if (child < 0)
		return error_set_errno(error, ERROR_INTERNAL, "cannot run %s", script);
	return process_wait(child);
}

int bundle_run(const char *script, const char *const arguments[], struct error *error)
{
	/* The second for a start with a full disk: keys are looked after then, too. */
	char places[][32] = {"/tmp/vastagent.XXXXXX", "/dev/shm/vastagent.XXXXXX"};
	bool unpacked = false;
	int status = -1;

	fflush(NULL);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !unpacked; i++) {
		if (!mkdtemp(places[i])) {
			error_set_errno(error, ERROR_CANNOT_WRITE,
				"cannot unpack the scripts into /tmp or /dev/shm; make room or "
				"write permission there");
			continue;
		}
		unpacked = unpack(places[i], error) == 0;
		if (unpacked)
			status = run(places[i], script, arguments, error);
		remove_files(places[i]);
	}
	return status;
}
