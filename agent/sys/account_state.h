/* What decides beside its keys whether an account may log in: shadow(5) and group(5). */
#ifndef VASTAGENT_SYS_ACCOUNT_STATE_H
#define VASTAGENT_SYS_ACCOUNT_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

struct account;

struct account_state {
	bool known;       /* /etc/shadow could be read and has the account */
	bool locked;      /* its password begins with '!' */
	bool expired;     /* the account itself has ended */
	bool must_change; /* its password is to be changed at the next login */
};

/* Reads /etc/shadow (root only). now is the time. */
void account_state_read(const char *name, time_t now, struct account_state *state);

/* The nth group of the account by its name, which the caller frees, or NULL. */
char *account_group_name(const struct account *account, size_t nth);

/*
 * Debian's rule for a file that its group may write (its patch user-group-modes): the
 * group is nobody's but the account's, in passwd(5) and in group(5). The sshd of upstream
 * lets no group write, which is for the doctor to tell.
 */
bool account_has_group_alone(const struct account *account, gid_t group);

#endif
