/* Variables as text that a shell reads, without a byte of a value being evaluated. */
#ifndef VASTAGENT_LOGIN_ENVIRONMENT_TEXT_H
#define VASTAGENT_LOGIN_ENVIRONMENT_TEXT_H

#include "sys/boot.h"

struct buffer;
struct environment;

enum environment_shell { ENVIRONMENT_SH, ENVIRONMENT_FISH };

/* This start of the machine: of the kernel, and of process 1 (which is a container's). */
struct environment_start {
	struct boot boot;
	char instance[64]; /* the instance's id, "" if not known */
};

/*
 * Appends a file for a shell to read when it starts. It sets what the shell has not set
 * already (or has with one of the values in earlier: ones that were given before), and
 * adds the directories that PATH lacks. In another start than the given it does nothing,
 * since a copied image and a stopped container keep the file. It never prints anything.
 * A failed allocation is in out->failed.
 */
void environment_text_file(enum environment_shell shell, const struct environment *environment,
	const struct environment *earlier, const struct environment_start *start,
	struct buffer *out);

/* The same for a person's eval: it sets each variable, whatever it was before. */
void environment_text_plain(
	enum environment_shell shell, const struct environment *environment, struct buffer *out);

#endif
