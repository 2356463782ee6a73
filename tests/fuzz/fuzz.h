/* What the fuzz targets share. A target that finds a promise broken ends by require(). */
#ifndef VASTAGENT_TESTS_FUZZ_H
#define VASTAGENT_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Says where and what, and aborts, unless it holds. */
#define require(truth) fuzz_require((truth), #truth, __FILE__, __LINE__)
void fuzz_require(bool truth, const char *what, const char *file, int line);

/* The input, as it is used up. Behind its end are zeros. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

uint8_t fuzz_byte(struct fuzz_input *input);

/* What stands before the next 0xff (which no text has), or all: a string of its own that
 * the caller frees, so that a byte read behind it is seen. length may be NULL. */
char *fuzz_part(struct fuzz_input *input, size_t *length);

/* An empty directory in memory of this process, removed with all in it at its end. */
const char *fuzz_directory(void);

/* Makes or replaces a file there (0600). */
void fuzz_write(const char *path, const void *data, size_t length);

/* What stands in a file; the caller frees it. NULL: there is none. */
char *fuzz_read(const char *path, size_t *length);

/* Removes all that stands in a directory, or with it. */
void fuzz_empty(const char *path);

/* Whether a text that may be NULL can be shown as it is. */
bool fuzz_is_visible(const char *text);

#endif
