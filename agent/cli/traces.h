/* What the agent leaves on a machine, and taking it away. It must not run meanwhile. */
#ifndef VASTAGENT_CLI_TRACES_H
#define VASTAGENT_CLI_TRACES_H

#include <jansson.h>
#include <stdbool.h>

struct config;

/*
 * Takes the agent's lines out of the files of every account that has a store, and deletes
 * the stores; with check only says whose. With keep the lines stay, as anybody's. Says
 * what was done, and what could not be: in the arrays "accounts" and "files" of told, or if that
 * is NULL on standard output. Returns an exit status.
 */
int traces_forget_keys(const struct config *config, bool check, bool keep, json_t *told);

/*
 * The same for what is no key: a pause, the journal, the log, the instance's variables.
 */
void traces_remove_files(const struct config *config, bool check, json_t *told);

#endif
