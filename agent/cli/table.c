#include "cli/table.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct table {
	size_t columns;
	size_t rows;
	char **cells; /* row by row, the heads first */
	size_t *widths;
};

/* Columns that a text takes: its code points. Wide characters only cost alignment. */
static size_t width(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

struct table *table_create(const char *const *heads, size_t columns)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->columns = columns;
	table->widths = calloc(columns, sizeof(*table->widths));
	if (!table->widths || table_add(table, heads) != 0) {
		table_destroy(table);
		return NULL;
	}
	return table;
}

int table_add(struct table *table, const char *const *cells)
{
	size_t start = table->rows * table->columns;
	char **grown = reallocarray(table->cells, start + table->columns, sizeof(*grown));

	if (!grown)
		return -1;
	table->cells = grown;
	memset(grown + start, 0, table->columns * sizeof(*grown));
	table->rows++;
	for (size_t i = 0; i < table->columns; i++) {
		const char *text = cells[i] && *cells[i] ? cells[i] : "-";
		size_t size = strlen(text) * 4 + 1;
		char *cell = malloc(size);

		if (!cell)
			return -1;
		text_visible(cell, size, text, strlen(text));
		grown[start + i] = cell;
		if (width(cell) > table->widths[i])
			table->widths[i] = width(cell);
	}
	return 0;
}

void table_print(const struct table *table)
{
	for (size_t row = 0; row < table->rows; row++) {
		for (size_t i = 0; i < table->columns; i++) {
			const char *cell = table->cells[row * table->columns + i];
			bool last = i + 1 == table->columns;
			size_t pad = last ? 0 : table->widths[i] - width(cell) + 2;

			printf("%s%*s", cell, (int)pad, "");
		}
		putchar('\n');
	}
}

void table_destroy(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->rows * table->columns; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table->widths);
	free(table);
}
