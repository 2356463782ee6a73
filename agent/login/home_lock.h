/* Orders the logins of one account that come in the same instant. */
#ifndef VASTAGENT_LOGIN_HOME_LOCK_H
#define VASTAGENT_LOGIN_HOME_LOCK_H

#define HOME_LOCK_WAIT 2000 /* ms: the longest wait for another login */

/*
 * Locks the home directory itself: nothing is created, nothing stays behind. Not every
 * file system can lock, and nobody waits long: tmux sorts itself out without it, mostly.
 * Returns a descriptor, locked if that was possible, which the caller closes; or -1.
 */
int home_lock(const char *home);

#endif
