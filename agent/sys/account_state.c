#include "sys/account_state.h"

#include <grp.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <string.h>

#include "sys/account.h"

#define DAY 86400

void account_state_read(const char *name, time_t now, struct account_state *state)
{
	FILE *file = fopen("/etc/shadow", "re");
	const struct spwd *entry;
	long today = (long)(now / DAY);

	*state = (struct account_state){0};
	while (file && !state->known && (entry = fgetspent(file))) {
		if (strcmp(entry->sp_namp, name) != 0)
			continue;
		state->known = true;
		state->locked = entry->sp_pwdp && *entry->sp_pwdp == '!';
		state->expired = entry->sp_expire >= 0 && entry->sp_expire < today;
		state->must_change =
			entry->sp_lstchg == 0 || (entry->sp_lstchg > 0 && entry->sp_max >= 0 &&
							 entry->sp_lstchg + entry->sp_max < today);
	}
	if (file)
		fclose(file);
}

char *account_group_name(const struct account *account, size_t nth)
{
	FILE *file = fopen("/etc/group", "re");
	const struct group *entry;
	char *name = NULL;

	while (file && nth < account->group_count && !name && (entry = fgetgrent(file)))
		if (entry->gr_gid == account->groups[nth])
			name = strdup(entry->gr_name);
	if (file)
		fclose(file);
	return name;
}

bool account_has_group_alone(const struct account *account, gid_t group)
{
	FILE *users = fopen("/etc/passwd", "re"), *groups = fopen("/etc/group", "re");
	const struct passwd *user;
	const struct group *entry;
	bool alone = users && groups, known = false, member = false;

	while (alone && (user = fgetpwent(users))) {
		if (user->pw_gid != group)
			continue;
		member = true;
		alone = user->pw_uid == account->uid;
	}
	alone = alone && feof(users);
	while (alone && !known && (entry = fgetgrent(groups))) {
		if (entry->gr_gid != group)
			continue;
		known = true;
		if (!entry->gr_mem[0])
			continue;
		member = true;
		alone = strcmp(entry->gr_mem[0], account->name) == 0 && !entry->gr_mem[1];
	}
	if (users)
		fclose(users);
	if (groups)
		fclose(groups);
	return alone && known && member;
}
