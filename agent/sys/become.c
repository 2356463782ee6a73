#include "sys/become.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/account.h"

static int prove(const struct account *account, struct error *error)
{
	uid_t real, effective, saved;
	gid_t real_group, effective_group, saved_group;

	if (getresuid(&real, &effective, &saved) != 0 ||
		getresgid(&real_group, &effective_group, &saved_group) != 0)
		return error_set_errno(error, ERROR_INTERNAL, "cannot read back the ids");
	if (real != account->uid || effective != account->uid || saved != account->uid ||
		real_group != account->gid || effective_group != account->gid ||
		saved_group != account->gid)
		return error_set(
			error, ERROR_INTERNAL, "the ids did not change to %s", account->name);
	if (account->uid != 0 && setresuid((uid_t)-1, 0, (uid_t)-1) == 0)
		return error_set(error, ERROR_INTERNAL, "root could be taken back");
	return 0;
}

int become_account(const struct account *account, struct error *error)
{
	umask(077);
	if (setgroups(account->group_count, account->groups) != 0 ||
		setresgid(account->gid, account->gid, account->gid) != 0 ||
		setresuid(account->uid, account->uid, account->uid) != 0)
		return error_set_errno(error, ERROR_INTERNAL, "cannot become %s", account->name);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return error_set_errno(error, ERROR_INTERNAL, "cannot give up privileges");
	return prove(account, error);
}
