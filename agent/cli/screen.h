/* The terminal that answers go to, if they go to one. */
#ifndef VASTAGENT_CLI_SCREEN_H
#define VASTAGENT_CLI_SCREEN_H

#include <stdbool.h>

/*
 * Its columns and rows; 0 if standard output is no terminal, or one that does not tell.
 * screen_set names another descriptor for standard output's terminal.
 */
unsigned screen_columns(void);
unsigned screen_rows(void);
void screen_set(int descriptor);

/* Whether heads may stand out: a terminal that can, and no NO_COLOR (no-color.org). */
bool screen_is_styled(void);

#endif
