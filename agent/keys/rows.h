/* Rows of a report, drawn from the store and from lines of the file. */
#ifndef VASTAGENT_KEYS_ROWS_H
#define VASTAGENT_KEYS_ROWS_H

#include <time.h>

struct keys_row;
struct stored_key;
struct view_line;

/* Fill the columns that come from a stored key, from a line that the agent did not
 * write, and what the store knows of a key in somebody else's line.
 * Each returns 0, or -1 if out of memory. */
int row_of_stored(struct keys_row *row, const struct stored_key *key);
int row_of_line(struct keys_row *row, const struct view_line *line, time_t now);
int row_pin(struct keys_row *row, const struct stored_key *key);

#endif
