/*
 * The scripts of onstart/ and the default configuration, which the program carries along:
 * on an instance there may be nothing else of vastagent's.
 */
#ifndef VASTAGENT_CLI_BUNDLE_H
#define VASTAGENT_CLI_BUNDLE_H

#include <stddef.h>

struct error;

struct bundle_file {
	const char *path; /* as in the source, "onstart/hook.sh" */
	const char *data;
	size_t size;
};

/* Ended by one without a path. */
extern const struct bundle_file bundle_files[];

/*
 * Runs onstart/SCRIPT from a directory of its own, which is gone afterwards, with the
 * arguments (ended by NULL) and the program's own output. Returns its exit status, or -1
 * with ERROR_CANNOT_WRITE or ERROR_INTERNAL.
 */
int bundle_run(const char *script, const char *const arguments[], struct error *error);

#endif
