/* Whether anybody still answers at the other end of an SSH connection, asked of TCP. */
#ifndef VASTAGENT_LOGIN_CONNECTION_H
#define VASTAGENT_LOGIN_CONNECTION_H

enum connection_state {
	CONNECTION_UNKNOWN, /* not a connection of this machine, or it cannot be asked */
	CONNECTION_ALIVE,   /* the other end was heard within the last two seconds */
	CONNECTION_QUIET,   /* nothing is sent, so nothing is to be answered */
	CONNECTION_WAITING, /* something was sent and is not answered yet */
	CONNECTION_DEAD,    /* sent again, three times at least, and no answer */
};

/* What counts of struct tcp_info (linux/tcp.h). Times in milliseconds. */
struct connection_info {
	unsigned retransmits; /* timeouts in a row for the same data */
	unsigned probes;      /* unanswered keep-alives or window probes in a row */
	unsigned unacked;
	unsigned last_ack; /* since the other end was heard */
};

/*
 * Judges. Timeouts double, the first is 200 ms at least, so that three of them are 1.4 s
 * without any answer; a connection that only loses packets is not silent for so long.
 */
enum connection_state connection_judge(const struct connection_info *info);

/*
 * Looks at one TCP connection of this network namespace (sock_diag(7)). name is what
 * sshd puts into SSH_CONNECTION: client address, client port, server address, server port.
 */
enum connection_state connection_look(const char *name);

#endif
