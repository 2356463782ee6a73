/*
 * Local accounts, read from /etc/passwd and /etc/group with fgetpwent(3) and
 * fgetgrent(3): the static binary cannot load name service modules, and an account
 * that exists only in a directory service has no business on a rented instance.
 */
#ifndef VASTAGENT_SYS_ACCOUNT_H
#define VASTAGENT_SYS_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct error;

struct account {
	char *name;
	char *home;
	char *shell;
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* supplementary groups, gid first */
	size_t group_count;
	bool shares_uid; /* another name has the same uid */
};

/*
 * Looks an account up. Returns 0 and fills *account (release with account_free), or
 * -1 with ERROR_NO_SUCH_USER, or ERROR_INTERNAL if the files cannot be read.
 */
int account_by_name(const char *name, struct account *account, struct error *error);

/* The same by uid: the first name that /etc/passwd gives that uid. */
int account_by_uid(uid_t uid, struct account *account, struct error *error);

/*
 * The names of the accounts whose keys somebody may log in with: root, and those from
 * uid 1000 on (login.defs(5), UID_MIN) less nobody. At most limit names. Returns 0 with an array of
 * names that the caller frees, names first; or -1.
 */
int account_list(char ***names, size_t *count, size_t limit, struct error *error);

/* Frees what an account holds and zeroes it; safe on a zeroed one. */
void account_free(struct account *account);

#endif
