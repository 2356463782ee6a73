/*
 * The pattern lists of from="…" in authorized_keys and of sshd_config(5), by ssh_config(5),
 * PATTERNS, and OpenSSH's match.c and addrmatch.c. Pure.
 */
#ifndef VASTAGENT_KEYS_PATTERNS_H
#define VASTAGENT_KEYS_PATTERNS_H

#include <stdbool.h>

/* A single pattern: '*' is any text, '?' any one byte. */
bool pattern_matches(const char *text, const char *pattern);

/*
 * Whether a client at the address (numeric; its host name is not known, as with
 * `UseDNS no`) fits the list: commas between, '!' before what must not fit, addresses,
 * networks ("192.0.2.0/24"), patterns, whose letters count as small. One malformed item
 * (an empty one, a network with host bits) spoils the whole list.
 */
bool pattern_list_matches(const char *list, const char *address);

/* What is wrong with a list; the names are in the order in which they are looked for. */
enum pattern_trouble {
	PATTERN_FINE,
	PATTERN_EMPTY_ITEM, /* nobody fits */
	PATTERN_HOST_BITS,  /* *item is a network with bits behind its length: nobody fits */
	PATTERN_EXCLUDES,   /* nothing but what must not fit: nobody fits */
	PATTERN_NAMES,      /* only host names can fit, which sshd does not look up */
	PATTERN_SOME_NAME,  /* *item is such a host name; other items can fit */
};

/* Of an item as it is told: OpenSSH's longest address, and a NUL. */
#define PATTERN_ITEM_SIZE 64

/*
 * Looks for trouble. item receives the (first) item, cut to its size, repaired what a
 * network is called that has its host bits cleared; both may be "".
 */
enum pattern_trouble pattern_list_check(const char *list, bool use_dns,
	char item[PATTERN_ITEM_SIZE], char repaired[PATTERN_ITEM_SIZE]);

#endif
