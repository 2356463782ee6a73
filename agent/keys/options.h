/* The options before a key, by the grammar of sshd(8), AUTHORIZED_KEYS FILE FORMAT. */
#ifndef VASTAGENT_KEYS_OPTIONS_H
#define VASTAGENT_KEYS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct error;

/* One for each option, as a bit of key_options.used. A no- form is the same option. */
enum key_option {
	KEY_OPTION_RESTRICT,
	KEY_OPTION_CERT_AUTHORITY,
	KEY_OPTION_PORT_FORWARDING,
	KEY_OPTION_AGENT_FORWARDING,
	KEY_OPTION_X11_FORWARDING,
	KEY_OPTION_TOUCH_REQUIRED,
	KEY_OPTION_VERIFY_REQUIRED,
	KEY_OPTION_PTY,
	KEY_OPTION_USER_RC,
	KEY_OPTION_COMMAND,
	KEY_OPTION_PRINCIPALS,
	KEY_OPTION_FROM,
	KEY_OPTION_EXPIRY_TIME,
	KEY_OPTION_ENVIRONMENT,
	KEY_OPTION_PERMITOPEN,
	KEY_OPTION_PERMITLISTEN,
	KEY_OPTION_TUNNEL,
	KEY_OPTION_UTC, /* not an option: an expiry-time that ends in Z or UTC */
	KEY_OPTION_COUNT
};

struct key_options {
	bool cert_authority; /* the key signs others; it lets nobody in by itself */
	bool principals;     /* only means something beside cert-authority */
	bool command;
	bool from;
	time_t expires; /* the earliest expiry-time, or 0 for none; see key_is_expired */
	unsigned used;  /* 1 << enum key_option for each that stands there */
};

/*
 * Length of the options at the start of a line: up to the first space or tab outside
 * double quotes. Returns 0 and *length, or -1 if a quote is not closed.
 */
int key_options_length(const char *text, size_t text_length, size_t *length);

/*
 * A copy of the first value of an option with a value, without its quotes, which the
 * caller frees; NULL if it is not there. The options are those that key_options_parse
 * took. Returns 0, or -1 if out of memory.
 */
int key_options_value(const char *text, size_t length, const char *name, char **value);

/*
 * Parses options. sshd drops the whole line for an option that it does not know, and
 * so does this. Returns 0, or -1 with ERROR_BAD_OPTION and a sentence.
 */
int key_options_parse(
	const char *text, size_t length, struct key_options *options, struct error *error);

/*
 * Whether a key with that end (0: none) gets in no more. In the second of its end it
 * still does (OpenSSH's auth_authorise_keyopts(), measured).
 */
bool key_is_expired(time_t expires, time_t now);

#endif
