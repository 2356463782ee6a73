/*
 * What a person sees first in a new window that the login made: in the first one of a
 * session the message of the day, which tmux has hidden behind its own screen, and once
 * what this is; in another one where the others are. Then the shell.
 */
#ifndef VASTAGENT_LOGIN_WELCOME_H
#define VASTAGENT_LOGIN_WELCOME_H

#include <stdbool.h>

struct facts;

/* In a home: the account has been told what this is. */
#define WELCOME_MARK ".local/state/vastagent/welcomed"

/*
 * Prints message (NULL: this is the first window), and becomes the shell that tmux would have
 * started in the pane; does not return unless there is no shell at all.
 */
void welcome_run(const struct facts *facts, const char *message);

/* Whether tmux finds a configuration, of the user or of the machine (tmux(1), FILES). */
bool welcome_is_configured(const char *const *environment);

#endif
