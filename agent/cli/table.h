/* Aligned columns for people. */
#ifndef VASTAGENT_CLI_TABLE_H
#define VASTAGENT_CLI_TABLE_H

#include <stddef.h>

struct table;

/* What a text ends in that was cut. */
#define TABLE_CUT "…"

/* A table with these column heads; NULL if out of memory. */
struct table *table_create(const char *const *heads, size_t columns);

/* Adds a row; NULL cells are shown as "-". The texts are copied and escaped. Returns 0 or
 * -1 (out of memory). */
int table_add(struct table *table, const char *const *cells);

/*
 * Prints it to standard output, without blanks at the ends of lines. On a terminal (screen.h)
 * no line is longer than its columns: the widest cells are cut, and end in "…".
 */
void table_print(struct table *table);

void table_destroy(struct table *table);

#endif
