/* The options before a key, by the grammar of sshd(8), AUTHORIZED_KEYS FILE FORMAT. */
#ifndef VASTAGENT_KEYS_OPTIONS_H
#define VASTAGENT_KEYS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct error;

struct key_options {
	bool cert_authority; /* the key signs others; it lets nobody in by itself */
	bool principals;     /* only means something beside cert-authority */
	bool command;
	bool from;
	time_t expires; /* the earliest expiry-time, or 0 for none */
};

/*
 * Length of the options at the start of a line: up to the first space or tab outside
 * double quotes. Returns 0 and *length, or -1 if a quote is not closed.
 */
int key_options_length(const char *text, size_t text_length, size_t *length);

/*
 * Parses options. sshd drops the whole line for an option that it does not know, and
 * so does this. Returns 0, or -1 with ERROR_BAD_OPTION and a sentence.
 */
int key_options_parse(
	const char *text, size_t length, struct key_options *options, struct error *error);

#endif
