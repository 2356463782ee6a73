#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

struct net_address net_address_make(int family, const void *bytes, uint16_t port)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct net_address address = {.family = (uint8_t)family, .port = port};

	if (family == AF_INET) {
		memcpy(address.bytes, bytes, 4);
	} else if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		address.family = AF_INET;
		memcpy(address.bytes, (const uint8_t *)bytes + 12, 4);
	} else {
		memcpy(address.bytes, bytes, 16);
	}
	return address;
}

int net_address_parse(const char *text, uint16_t port, struct net_address *address)
{
	char plain[INET6_ADDRSTRLEN];
	size_t length = strcspn(text, "%");
	uint8_t bytes[16];
	int family;

	if (length >= sizeof(plain))
		return -1;
	memcpy(plain, text, length);
	plain[length] = '\0';
	family = strchr(plain, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, plain, bytes) != 1)
		return -1;
	*address = net_address_make(family, bytes, port);
	return 0;
}

char *net_address_format_host(char *out, const struct net_address *address)
{
	if (!address->family || !inet_ntop(address->family, address->bytes, out, NET_ADDRESS_TEXT))
		strcpy(out, "?");
	return out;
}

char *net_address_format(char *out, const struct net_address *address)
{
	char text[NET_ADDRESS_TEXT];
	bool six = address->family == AF_INET6;

	net_address_format_host(text, address);
	snprintf(out, NET_ADDRESS_TEXT, six ? "[%s]:%u" : "%s:%u", text, (unsigned)address->port);
	return out;
}

bool net_address_equal(const struct net_address *a, const struct net_address *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool net_address_is_any(const struct net_address *address)
{
	static const uint8_t zero[16];

	return memcmp(address->bytes, zero, sizeof(zero)) == 0;
}

bool net_address_reaches(const struct net_address *listen, const struct net_address *address)
{
	if (listen->port != address->port)
		return false;
	/* An IPv6 wildcard takes IPv4 too unless IPV6_V6ONLY is set, ipv6(7). */
	if (net_address_is_any(listen))
		return listen->family == address->family || listen->family == AF_INET6;
	return net_address_equal(listen, address);
}

bool net_address_is_loopback(const struct net_address *address)
{
	static const uint8_t six[16] = {[15] = 1};

	if (address->family == AF_INET)
		return address->bytes[0] == 127;
	return address->family == AF_INET6 && memcmp(address->bytes, six, sizeof(six)) == 0;
}
