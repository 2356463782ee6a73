/* Looking again and again at what a route answers. */
#ifndef VASTAGENT_CLI_WATCH_H
#define VASTAGENT_CLI_WATCH_H

#include <jansson.h>

struct cli;

/*
 * Asks the route every two seconds. With --json, each answer that is not the one before is
 * a line, until nobody reads them. Else standard output must be a terminal: what print
 * (0, or -1 if out of memory) puts there is shown in place, as much as fits, until q, a
 * signal or the terminal's end; the terminal is then as it was. Returns an exit status.
 */
int watch_run(const struct cli *cli, const char *path, int (*print)(const json_t *answer));

#endif
