/* What the commands about keys ask the agent, and how they show its answers. */
#ifndef VASTAGENT_CLI_KEYS_CLIENT_H
#define VASTAGENT_CLI_KEYS_CLIENT_H

#include <jansson.h>

struct buffer;
struct cli;
struct error;

/* Asks for the keys of the account that the options name. With raw the answer is left as
 * text there, and *answer is NULL. Returns as agent_ask. */
int keys_ask(const struct cli *cli, FILE *raw, json_t **answer, struct error *error);

/*
 * Adds the keys of a text. Private keys are refused before they leave the process.
 * Returns EX_OK, or an exit status with each bad line named on standard error. *answer
 * is the agent's, or NULL.
 */
int keys_add_text(const struct cli *cli, const struct buffer *text, json_t **answer);

/* Removes the keys of an object whose members are fingerprints, in one step. Returns
 * EX_OK, EX_TEMPFAIL if something still lets one in, or another exit status. */
int keys_remove_set(const struct cli *cli, const json_t *fingerprints, json_t **answer);

/*
 * The fingerprints of the rows that a selector means, as the members of an object: a
 * fingerprint or its unique beginning; else a name, which may have several keys; else a
 * comment, which must be one key's. NULL after a message if it is ambiguous.
 */
json_t *keys_select(const json_t *rows, const char *selector);

/* One line for each key of a list: "BEFORE COMMENT FINGERPRINT AFTER USER (FILE)". */
void keys_print_each(
	const json_t *list, const char *before, const json_t *answer, const char *after);

/* What an answer to a removal says: the keys, where else they were, open sessions. */
void keys_print_removed(const json_t *answer);

#endif
