/* `vastagent daemon`: the agent itself, in the foreground. */
#ifndef VASTAGENT_DAEMON_DAEMON_H
#define VASTAGENT_DAEMON_DAEMON_H

/*
 * Runs the agent until it is told to stop. socket may be NULL (the configuration says
 * where). ready is a descriptor that gets one byte once the socket answers, or -1.
 * Returns an exit status of sysexits(3); what went wrong is in the log.
 */
int daemon_run(const char *config_path, const char *socket, int ready);

#endif
