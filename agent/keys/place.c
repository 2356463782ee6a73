/* Whose file it is that holds an account's keys. */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "keys/manager.h"
#include "sys/account.h"

static bool is_inside(const char *path, const char *home)
{
	size_t length = strlen(home);

	while (length > 1 && home[length - 1] == '/')
		length--;
	return strncmp(path, home, length) == 0 && path[length] == '/' && !strstr(path, "/../");
}

/* Every existing parent is root's, and nobody else can write to it. */
static bool is_roots_place(const char *path)
{
	char copy[PATH_MAX];
	struct stat what;
	char *slash;

	if (strlen(path) >= sizeof(copy))
		return false;
	strcpy(copy, path);
	while ((slash = strrchr(copy, '/'))) {
		slash[slash == copy] = '\0';
		if (lstat(copy, &what) != 0 || !S_ISDIR(what.st_mode) || what.st_uid != 0 ||
			(what.st_mode & (S_IWGRP | S_IWOTH)))
			return false;
		if (strcmp(copy, "/") == 0)
			return true;
	}
	return false;
}

int keys_place_choose_owner(
	struct keys_place *place, const struct account *root, bool by_root, struct error *error)
{
	place->owner = place->account;
	if (is_inside(place->file, place->account->home))
		return 0;
	if (!by_root)
		return error_set(error, ERROR_MANAGED_BY_ROOT,
			"%s lies outside %s's home: only root changes it", place->file,
			place->account->name);
	if (!is_roots_place(place->file))
		return error_set(error, ERROR_UNSAFE_FILE,
			"a directory above %s is missing, is not root's or can be written by "
			"others",
			place->file);
	place->owner = root;
	return 0;
}
