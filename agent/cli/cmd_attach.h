/* `vastagent attach`: the session of the login, from any other terminal. */
#ifndef VASTAGENT_CLI_CMD_ATTACH_H
#define VASTAGENT_CLI_CMD_ATTACH_H

/*
 * argv[0] is "attach". --take shows the window of the job, also if another terminal has
 * it. Returns 0 once the session was left, EX_TEMPFAIL if tmux failed, and EX_USAGE
 * inside of tmux without --take.
 */
int cmd_attach(int argc, char **argv);

#endif
