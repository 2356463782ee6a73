/* What the local sshd(8) is set up to do, asked of sshd itself where that works. */
#ifndef VASTAGENT_SYS_SSHD_H
#define VASTAGENT_SYS_SSHD_H

#include <stddef.h>

struct account;
struct error;

/*
 * The path of the file that sshd reads the account's keys from: the first usable
 * pattern of AuthorizedKeysFile (sshd_config(5)), from `sshd -T -C user=NAME`, else
 * from sshd_config, else .ssh/authorized_keys. The caller frees *path.
 * Returns 0, or -1 with ERROR_UNSAFE_FILE if sshd reads no file at all (`none`).
 */
int sshd_keys_path(const struct account *account, char **path, struct error *error);

/*
 * The first usable path of a list of patterns as AuthorizedKeysFile has it: %h %u %U
 * %% expanded, relative ones taken from the home. Pure. Returns a path that the caller
 * frees, or NULL if no pattern is usable.
 */
char *sshd_expand_keys_path(const char *patterns, const struct account *account);

#endif
