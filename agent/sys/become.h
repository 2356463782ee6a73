/* Giving up root for good. */
#ifndef VASTAGENT_SYS_BECOME_H
#define VASTAGENT_SYS_BECOME_H

struct account;
struct error;

/*
 * Makes this process the account: supplementary groups, then gid, then uid, in that
 * order, since the later ones take the right to do the earlier ones; then proves that
 * there is no way back (setresuid(2)). Also: no new privileges (prctl(2)), not
 * dumpable, umask 077. Returns 0, or -1 with *error; the process MUST then end.
 */
int become_account(const struct account *account, struct error *error);

#endif
