/* Private keys in pasted text: found, so that they go no further. Pure. */
#ifndef VASTAGENT_KEYS_IMPORT_PRIVATE_H
#define VASTAGENT_KEYS_IMPORT_PRIVATE_H

#include <stddef.h>

struct error;

/*
 * Overwrites the private part of each PuTTY file in the text with spaces, in place, so
 * that lines keep their numbers. Returns how many there were. A file that is not
 * exactly as PuTTY writes it is left alone: import_private_refuse finds it.
 */
size_t import_private_cut(char *text, size_t length);

/*
 * Returns 0 if there is no private key in the text (bytes of any kind), else -1 with
 * ERROR_PRIVATE_KEY and a sentence that repeats nothing of it.
 */
int import_private_refuse(const char *text, size_t length, struct error *error);

#endif
