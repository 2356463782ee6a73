/* `vastagent login`: the login hook, and how people look at it and switch it. */
#ifndef VASTAGENT_CLI_CMD_LOGIN_H
#define VASTAGENT_CLI_CMD_LOGIN_H

#include "login/session.h"

struct config;

/*
 * Exit statuses of `vastagent login`, of which the hook knows only "93 or not". A status
 * that a shell, the kernel or a script could give in place of this program is not 93: a
 * damaged program is run by the shell as a script (execve(2), ENOEXEC), and may succeed.
 */
enum cmd_login_status {
	CMD_LOGIN_OVER = 93,   /* the session was used and left: log out */
	CMD_LOGIN_PLAIN = 10,  /* tmux does not belong here: a plain shell, nothing printed */
	CMD_LOGIN_LEFT = 11,   /* detached with `detach = shell`: a plain shell */
	CMD_LOGIN_BROKEN = 75, /* tmux failed (EX_TEMPFAIL): a plain shell, one line printed */
};

/*
 * argv[0] is "login". Without arguments: decides, runs the session, returns one of the
 * above. --explain [--json] prints the rule that decides for this process and why; on
 * and off remove and create ~/.no_auto_tmux; these return 0 or a status of sysexits(3).
 */
int cmd_login(int argc, char **argv);

/*
 * The [login] section of the configuration. A bad one must not keep anybody out of a
 * session: the defaults hold then, and the agent is who complains. Fills *config, which
 * holds the strings; the caller releases it with config_free.
 */
struct session_settings cmd_login_settings(struct config *config);

#endif
