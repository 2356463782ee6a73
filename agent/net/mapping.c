#include "net/mapping.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "net/address.h"

enum { SSH_PORT = 22 };

/* It goes into lines that people paste into a shell. */
static bool is_host(const char *text)
{
	struct net_address address;

	if (net_address_parse(text, 0, &address) == 0)
		return !strchr(text, '%');
	return *text && *text != '-' && *text != '.' &&
	       text[strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-")] == '\0';
}

static void set_port(struct net_mapping *mapping, const char *name, const char *value)
{
	long inside, outside;

	if (text_number(value, 1, UINT16_MAX, &outside) != 0 ||
		text_number(name, 1, INT_MAX, &inside) != 0 || mapping->count == NET_MAPPED_MAX)
		return;
	if (inside > UINT16_MAX)
		inside = outside;
	mapping->list[mapping->count++] =
		(struct net_mapped){.inside = (uint16_t)inside, .outside = (uint16_t)outside};
}

void net_mapping_set(struct net_mapping *mapping, const char *name, const char *value)
{
	static const char prefix[] = "VAST_TCP_PORT_";

	if (strcmp(name, "PUBLIC_IPADDR") == 0 && is_host(value) &&
		strlen(value) < sizeof(mapping->host))
		strcpy(mapping->host, value);
	else if (strcmp(name, "ENABLE_HTTPS") == 0)
		mapping->https = strcasecmp(value, "true") == 0;
	else if (strncmp(name, prefix, sizeof(prefix) - 1) == 0)
		set_port(mapping, name + sizeof(prefix) - 1, value);
}

uint16_t net_mapping_outside(const struct net_mapping *mapping, uint16_t inside)
{
	for (size_t i = 0; i < mapping->count && *mapping->host; i++)
		if (mapping->list[i].inside == inside)
			return mapping->list[i].outside;
	return 0;
}

char *net_mapping_public(
	const struct net_mapping *mapping, uint16_t outside, char *out, size_t size)
{
	snprintf(out, size, strchr(mapping->host, ':') ? "[%s]:%u" : "%s:%u", mapping->host,
		(unsigned)outside);
	return out;
}

char *net_mapping_ssh(const struct net_mapping *mapping, const char *user, char *out, size_t size)
{
	uint16_t port = net_mapping_outside(mapping, SSH_PORT);

	if (!port || !user)
		return NULL;
	snprintf(out, size, "ssh -p %u %s@%s", (unsigned)port, user, mapping->host);
	return out;
}
