#include "cli/nearest.h"

#include <stdbool.h>
#include <string.h>

#define LETTERS 24 /* no command or option is longer */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: insertions, deletions, changes, neighbours that changed places. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t cost[LETTERS + 1][LETTERS + 1];

	for (size_t i = 0; i <= a_length; i++)
		for (size_t j = 0; j <= b_length; j++) {
			if (!i || !j) {
				cost[i][j] = i + j;
				continue;
			}
			cost[i][j] = least(least(cost[i - 1][j], cost[i][j - 1]) + 1,
				cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cost[i][j] = least(cost[i][j], cost[i - 2][j - 2] + 1);
		}
	return cost[a_length][b_length];
}

void nearest_try(struct nearest *nearest, const char *candidate)
{
	size_t typed = strlen(nearest->word), length = strlen(candidate), found;
	bool begins = typed >= 2 && strncmp(candidate, nearest->word, typed) == 0;

	if (!typed || typed > LETTERS || length > LETTERS)
		return;
	found = begins ? 1 : distance(nearest->word, typed, candidate, length);
	if (!begins && (found > 2 || found * 3 > length))
		return;
	if (!nearest->best || found < nearest->distance) {
		nearest->best = candidate;
		nearest->distance = found;
	}
}
