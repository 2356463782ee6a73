#include "daemon/state.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "sys/statefile.h"

/* A store of some keys, twice: the new one is written beside the old one. */
#define LOW_BYTES (64ULL * 1024)

int state_prepare(const char *state_dir, struct error *error)
{
	char path[PATH_MAX];

	if (statefile_prepare_directory(state_dir, 0700, error) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/keys", state_dir);
	return statefile_prepare_directory(path, 0700, error);
}

void state_add_warnings(const char *state_dir, json_t *warnings)
{
	char path[PATH_MAX];
	struct statvfs what;
	const char *why = NULL;

	snprintf(path, sizeof(path), "%s/keys", state_dir);
	if (access(path, W_OK) != 0)
		why = strerror(errno);
	else if (statvfs(path, &what) == 0 &&
		 (unsigned long long)what.f_bavail * what.f_frsize < LOW_BYTES)
		why = strerror(ENOSPC);
	if (why)
		json_array_append_new(warnings,
			json_sprintf("%s cannot be written (%s): keys can be neither added nor "
				     "removed; those in the files work",
				path, why));
}
