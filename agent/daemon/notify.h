/* What systemd(1) waits for after it started the agent. */
#ifndef VASTAGENT_DAEMON_NOTIFY_H
#define VASTAGENT_DAEMON_NOTIFY_H

/* Says once that the socket answers, if a service manager wants to know: sd_notify(3),
 * without its library. */
void notify_ready(void);

#endif
