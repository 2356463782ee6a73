/* Answers on standard output. */
#ifndef VASTAGENT_CLI_OUTPUT_H
#define VASTAGENT_CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>

/* Prints JSON on one line. */
void output_json(const json_t *answer);

/* The same, and lets go of it. NULL, which is what no memory makes of it, is a failure that
 * output_finish reports. */
void output_json_steal(json_t *answer);

/* Whether JSON was printed. */
bool output_has_answered(void);

/* Prints each string of an array on a line of its own to standard error. */
void output_notes(const json_t *notes);

/* Prints text that may be anybody's to standard output, escaped; nothing for NULL. */
void output_visible(const char *text);

/* Prints one line, as printf(3), with all of it escaped. */
void output_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A string member, or NULL if it is missing or null. */
const char *output_text(const json_t *object, const char *member);

/* Flushes standard output. Returns status, or EX_IOERR if what was printed was lost. */
int output_finish(int status);

#endif
