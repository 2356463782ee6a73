/* The state of the login's terminal: seen, kept and put back. */
#ifndef VASTAGENT_LOGIN_TERMINAL_H
#define VASTAGENT_LOGIN_TERMINAL_H

#include <stdbool.h>
#include <termios.h>

struct terminal {
	struct termios modes;
	int flags[3]; /* of the open file descriptions 0, 1 and 2 */
	bool is_saved;
};

/*
 * Keeps the modes of standard input and the flags of the standard descriptors. A
 * terminal that is in raw mode is put into line mode, so that tmux's change is seen.
 */
void terminal_save(struct terminal *terminal);

/* Whether standard input is in raw mode now: no lines, no echo. */
bool terminal_is_raw(void);

/*
 * Drops what comes in within ms milliseconds, unseen: the terminal's answers to what
 * tmux asked it, which nobody reads any more and a shell would take for typed text.
 */
void terminal_discard_input(long ms);

/*
 * Puts modes and flags back. full: also leaves the alternate screen and switches off
 * what a full-screen program that died has left on (mouse, keypad, hidden cursor).
 */
void terminal_restore(const struct terminal *terminal, bool full);

#endif
