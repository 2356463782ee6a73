#include "cli/table.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/screen.h"

struct table {
	size_t columns;
	size_t rows;
	char **cells; /* row by row, the heads first */
	size_t *widths;
};

#define GAP 2

/* The length in bytes of as much of a text as fits into columns. */
static size_t fitting(const char *text, size_t columns, size_t *used)
{
	size_t left = strlen(text), done = 0, step, wide;

	for (*used = 0; left; left -= step, done += step, *used += wide) {
		step = text_utf8_length(text + done, left);
		step = step ? step : 1;
		wide = text_columns(text + done, left);
		if (*used + wide > columns)
			break;
	}
	return done;
}

static size_t width(const char *text)
{
	size_t used;

	fitting(text, SIZE_MAX, &used);
	return used;
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

/* Takes columns away from the widest, one by one. */
static void fit(struct table *table, size_t columns)
{
	size_t sum = (table->columns - 1) * GAP, widest = 0;

	for (size_t i = 0; i < table->columns; i++)
		sum += table->widths[i];
	for (; sum > columns; sum--) {
		for (size_t i = 0; i < table->columns; i++)
			if (table->widths[i] > table->widths[widest])
				widest = i;
		if (table->widths[widest] <= 1)
			return;
		table->widths[widest]--;
	}
}

static void print_cell(const char *cell, size_t columns, bool last)
{
	size_t used, length = fitting(cell, columns, &used);
	bool cut = cell[length] != '\0';

	if (cut)
		length = fitting(cell, columns - 1, &used);
	printf("%.*s%s%*s", (int)length, cell, cut ? TABLE_CUT : "",
		last ? 0 : (int)(columns - used - cut + GAP), "");
}

void table_print(struct table *table)
{
	size_t columns = screen_columns();
	bool styled = screen_is_styled();

	if (columns)
		fit(table, columns);
	for (size_t row = 0; row < table->rows; row++) {
		fputs(styled && !row ? "\033[1m" : "", stdout);
		for (size_t i = 0; i < table->columns; i++)
			print_cell(table->cells[row * table->columns + i], table->widths[i],
				i + 1 == table->columns);
		puts(styled && !row ? "\033[m" : "");
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
