/*
 * The value of from="…": patterns of client addresses, as sshd matches them
 * (match_host_and_ip() of OpenSSH, ssh_config(5) PATTERNS). Pure.
 */
#ifndef VASTAGENT_KEYS_FROM_H
#define VASTAGENT_KEYS_FROM_H

#include <stdbool.h>
#include <stddef.h>

struct buffer;
struct error;

/*
 * Holds patterns against what sshd takes: items between commas, each an address, a
 * network (10.0.0.0/8), a wildcard or a name, with ! before it to exclude. One malformed
 * item (an empty one, a network with host bits set) makes sshd refuse every client, and
 * so do patterns that only exclude. Returns 0, or -1 with ERROR_BAD_OPTION.
 *
 * With warnings (may be NULL), sentences are appended for what is allowed and useless: a
 * host name matches nothing while UseDNS is no, its default. Each ends in '\n'.
 */
int from_check(const char *patterns, struct buffer *warnings, struct error *error);

/* True if sshd with UseDNS no lets a client from the numeric address in. */
bool from_matches(const char *patterns, const char *address);

#endif
