/* How a failure looks on the wire: {"error":{"code":"bad_key","message":"…","line":3}}. */
#ifndef VASTAGENT_CONTROL_FAILURE_H
#define VASTAGENT_CONTROL_FAILURE_H

#include <jansson.h>
#include <stdbool.h>

struct error;

/* A new object with the member "error"; NULL if out of memory. "line" is left out at 0. */
json_t *failure_pack(const struct error *error);

/* Whether a text is such an object, as one that jansson wrote without spaces. */
bool failure_is(const char *text);

/* Fills *error (may be NULL) from an answer. Returns 0, or -1 (ERROR_INTERNAL) if it holds none. */
int failure_unpack(json_t *answer, struct error *error);

#endif
