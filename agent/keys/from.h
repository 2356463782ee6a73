/* The value of from="…" before it is written: pattern lists (keys/patterns.h), in words. */
#ifndef VASTAGENT_KEYS_FROM_H
#define VASTAGENT_KEYS_FROM_H

struct buffer;
struct error;

/*
 * Refuses patterns with which sshd lets nobody in: a malformed item, or only exclusions.
 * Returns 0, or -1 with ERROR_BAD_OPTION.
 *
 * With warnings (may be NULL), a sentence that ends in '\n' is appended for what is
 * allowed and useless: a host name matches nothing while UseDNS is no, its default.
 */
int from_check(const char *patterns, struct buffer *warnings, struct error *error);

#endif
