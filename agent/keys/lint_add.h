/* What the parts of the lint share: adding findings, and writing repairs. */
#ifndef VASTAGENT_KEYS_LINT_ADD_H
#define VASTAGENT_KEYS_LINT_ADD_H

#include <stdbool.h>
#include <stddef.h>

#include "keys/line.h"
#include "keys/lint.h"

/* One line under the lint. */
struct lint_line {
	struct lint *lint;
	const struct lint_rules *rules;
	const char *text;
	size_t length;
	long number;
	struct key_line parsed;
};

/*
 * Adds a finding about a line. sed is taken over and freed with it; it may be NULL.
 * Returns the finding until the next call, or NULL if out of memory.
 */
struct lint_finding *lint_add(const struct lint_line *line, const char *id, bool fails, char *sed,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

/* A sed script from a format, or NULL if out of memory. */
char *lint_sed(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * A sed script that puts replacement in place of the length bytes at offset of the line.
 * NULL if that cannot be said in sed, or out of memory.
 */
char *lint_sed_replace(
	const struct lint_line *line, size_t offset, size_t length, const char *replacement);

/* Lints the options of a line whose key is good (lint_options.c). Returns how many of
 * the findings are failures. */
size_t lint_options(const struct lint_line *line);

#endif
