#include "sys/account.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static int copy_entry(struct account *account, const struct passwd *entry)
{
	account->name = strdup(entry->pw_name);
	account->home = strdup(entry->pw_dir);
	account->shell = strdup(entry->pw_shell && *entry->pw_shell ? entry->pw_shell : "/bin/sh");
	account->uid = entry->pw_uid;
	account->gid = entry->pw_gid;
	return account->name && account->home && account->shell ? 0 : -1;
}

static bool is_wanted(const struct passwd *entry, const char *name, uid_t uid)
{
	return name ? strcmp(entry->pw_name, name) == 0 : entry->pw_uid == uid;
}

/* Also where it ends too early: half of it says neither who there is nor who there is not. */
static int cannot_read(struct error *error)
{
	return error_set_errno(error, ERROR_INTERNAL, "cannot read /etc/passwd");
}

/* Finds the entry and, in the same pass, whether its uid has another name. */
static int read_passwd(const char *name, uid_t uid, struct account *account, struct error *error)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *entry;
	int result = 0;
	bool whole;

	if (!file)
		return cannot_read(error);
	while (!account->name && (entry = fgetpwent(file)))
		if (is_wanted(entry, name, uid))
			result = copy_entry(account, entry);
	whole = account->name || feof(file);
	if (result == 0 && account->name) {
		whole = fseek(file, 0, SEEK_SET) == 0;
		while ((entry = fgetpwent(file)))
			if (entry->pw_uid == account->uid &&
				strcmp(entry->pw_name, account->name) != 0)
				account->shares_uid = true;
		whole = whole && feof(file);
	}
	if (result == 0 && !whole)
		result = cannot_read(error);
	else if (result != 0)
		error_set(error, ERROR_INTERNAL, "out of memory");
	fclose(file);
	return result;
}

static int add_group(struct account *account, gid_t gid)
{
	gid_t *groups;

	for (size_t i = 0; i < account->group_count; i++)
		if (account->groups[i] == gid)
			return 0;
	groups = reallocarray(account->groups, account->group_count + 1, sizeof(*groups));
	if (!groups)
		return -1;
	groups[account->group_count++] = gid;
	account->groups = groups;
	return 0;
}

static int read_groups(struct account *account)
{
	FILE *file = fopen("/etc/group", "re");
	const struct group *entry;
	int result = add_group(account, account->gid);

	/* Without the file there are no supplementary groups: fewer rights, not more. */
	while (file && result == 0 && (entry = fgetgrent(file)))
		for (char **member = entry->gr_mem; *member && result == 0; member++)
			if (strcmp(*member, account->name) == 0)
				result = add_group(account, entry->gr_gid);
	if (file)
		fclose(file);
	return result;
}

static int look_up(const char *name, uid_t uid, struct account *account, struct error *error)
{
	*account = (struct account){0};
	if (read_passwd(name, uid, account, error) != 0)
		goto fail;
	if (!account->name) {
		if (name)
			error_set(
				error, ERROR_NO_SUCH_USER, "no account '%s' in /etc/passwd", name);
		else
			error_set(error, ERROR_NO_SUCH_USER,
				"no account with uid %lu in /etc/passwd", (unsigned long)uid);
		goto fail;
	}
	if (read_groups(account) != 0) {
		error_set(error, ERROR_INTERNAL, "out of memory");
		goto fail;
	}
	return 0;
fail:
	account_free(account);
	return -1;
}

int account_by_name(const char *name, struct account *account, struct error *error)
{
	return look_up(name, 0, account, error);
}

int account_by_uid(uid_t uid, struct account *account, struct error *error)
{
	return look_up(NULL, uid, account, error);
}

#define UID_FIRST  1000
#define UID_NOBODY 65534

static bool is_person(const struct passwd *entry)
{
	return entry->pw_uid == 0 || (entry->pw_uid >= UID_FIRST && entry->pw_uid != UID_NOBODY);
}

static int add_name(char ***names, size_t *count, const char *name)
{
	char **grown = reallocarray(*names, *count + 1, sizeof(*grown));

	if (!grown)
		return -1;
	*names = grown;
	grown[*count] = strdup(name);
	return grown[*count] && ++*count ? 0 : -1;
}

int account_list(char ***names, size_t *count, size_t limit, struct error *error)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *entry;
	int result = 0;

	*names = NULL;
	*count = 0;
	if (!file)
		return cannot_read(error);
	while (result == 0 && *count < limit && (entry = fgetpwent(file)))
		if (is_person(entry))
			result = add_name(names, count, entry->pw_name);
	if (result != 0)
		error_set(error, ERROR_INTERNAL, "out of memory");
	else if (*count < limit && !feof(file))
		result = cannot_read(error);
	fclose(file);
	if (result == 0)
		return 0;
	while (*count)
		free((*names)[--*count]);
	free(*names);
	*names = NULL;
	return -1;
}

void account_free(struct account *account)
{
	free(account->name);
	free(account->home);
	free(account->shell);
	free(account->groups);
	*account = (struct account){0};
}
