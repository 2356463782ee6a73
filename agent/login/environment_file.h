/* Variables in a text such as /etc/environment or an .env: parsed, never evaluated. */
#ifndef VASTAGENT_LOGIN_ENVIRONMENT_FILE_H
#define VASTAGENT_LOGIN_ENVIRONMENT_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct environment;

/*
 * Sets what the lines NAME=VALUE (also with "export " before) hold, as far as
 * environment_name_passes. A value is taken if it is plain, or all of it stands in one pair
 * of quotes, which may go over several lines. What a shell would have to expand, and quotes
 * that do not fit, are left out, and only that line is lost.
 * Returns 0, or -1 if out of memory.
 */
int environment_file_parse(struct environment *environment, const char *text, size_t length);

/*
 * Whether the variables of a file were written by another instance than that of this id: a
 * copied image holds the old one's. False where either is not known.
 */
bool environment_file_is_anothers(const struct environment *environment, const char *id);

#endif
