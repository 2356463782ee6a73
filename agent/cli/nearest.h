/* Which of several words somebody meant who misspelt one. Pure. */
#ifndef VASTAGENT_CLI_NEAREST_H
#define VASTAGENT_CLI_NEAREST_H

#include <stddef.h>

struct nearest {
	const char *word; /* as it was typed */
	const char *best; /* of those that were tried; NULL: none is near */
	size_t distance;  /* of .best */
};

/*
 * Compares one candidate. Near is: the word is its beginning, or at most a third of its
 * letters, two at most, differ; letters that changed places count once.
 */
void nearest_try(struct nearest *nearest, const char *candidate);

#endif
