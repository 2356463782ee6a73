/* Internet addresses with a port, as plain values. */
#ifndef VASTAGENT_NET_ADDRESS_H
#define VASTAGENT_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_address {
	uint8_t bytes[16]; /* network order; the first four of them for IPv4 */
	uint8_t family;    /* AF_INET or AF_INET6; 0: none */
	uint16_t port;     /* host order */
};

/* Room for "[" the longest IPv6 address "]:65535" and a NUL. */
#define NET_ADDRESS_TEXT 56

/*
 * Makes an address of 4 (AF_INET) or 16 (AF_INET6) bytes. An IPv4-mapped IPv6 address
 * (RFC 4291 section 2.5.5.2) becomes the IPv4 address that it stands for.
 */
struct net_address net_address_make(int family, const void *bytes, uint16_t port);

/* Reads "192.0.2.1" or "2001:db8::1"; a zone ("%eth0") is dropped. Returns 0 or -1. */
int net_address_parse(const char *text, uint16_t port, struct net_address *address);

/* "192.0.2.1:22" or "[2001:db8::1]:22" into out (NET_ADDRESS_TEXT bytes). Returns out. */
char *net_address_format(char *out, const struct net_address *address);

/* "192.0.2.1" or "2001:db8::1" into out (NET_ADDRESS_TEXT bytes). Returns out. */
char *net_address_format_host(char *out, const struct net_address *address);

/* Same family, bytes and port. */
bool net_address_equal(const struct net_address *a, const struct net_address *b);

/* True if a connection to address could have been accepted by a listener at listen. */
bool net_address_reaches(const struct net_address *listen, const struct net_address *address);

/* True for 0.0.0.0 and ::, which stand for every address of the machine. */
bool net_address_is_any(const struct net_address *address);

bool net_address_is_loopback(const struct net_address *address);

#endif
