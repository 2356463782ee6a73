/* Answers on standard output. */
#ifndef VASTAGENT_CLI_OUTPUT_H
#define VASTAGENT_CLI_OUTPUT_H

#include <jansson.h>

/* Prints JSON on one line. */
void output_json(const json_t *answer);

/* Prints each string of an array on a line of its own to standard error. */
void output_notes(const json_t *notes);

/* A string member, or NULL if it is missing or null. */
const char *output_text(const json_t *object, const char *member);

/* Flushes standard output. Returns status, or EX_IOERR if what was printed was lost. */
int output_finish(int status);

#endif
