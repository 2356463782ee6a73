#include "keys/patterns.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define ITEM_SIZE 64

struct network {
	unsigned char bytes[16];
	size_t size; /* of the address: 4 or 16 */
	long bits;
};

bool pattern_matches(const char *text, const char *pattern)
{
	const char *star = NULL, *retry = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			retry = text;
		} else if (*pattern && (*pattern == '?' || *pattern == *text)) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++retry;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

static bool read_address(const char *text, struct network *network)
{
	network->size = strchr(text, ':') ? 16 : 4;
	network->bits = (long)network->size * 8;
	return inet_pton(network->size == 16 ? AF_INET6 : AF_INET, text, network->bytes) == 1;
}

static bool bit_is_set(const struct network *network, long bit)
{
	return network->bytes[bit / 8] >> (7 - bit % 8) & 1;
}

/* An address or a network. Returns false if it is neither. */
static bool read_network(const char *item, struct network *network)
{
	char address[ITEM_SIZE];
	const char *slash = strchr(item, '/');
	size_t length = slash ? (size_t)(slash - item) : strlen(item);

	if (length >= sizeof(address))
		return false;
	memcpy(address, item, length);
	address[length] = '\0';
	return read_address(address, network) &&
	       (!slash || text_number(slash + 1, 0, (long)network->size * 8, &network->bits) == 0);
}

static bool has_host_bits(const struct network *network)
{
	for (long bit = network->bits; bit < (long)network->size * 8; bit++)
		if (bit_is_set(network, bit))
			return true;
	return false;
}

static bool contains(const struct network *network, const struct network *address)
{
	if (network->size != address->size)
		return false;
	for (long bit = 0; bit < network->bits; bit++)
		if (bit_is_set(network, bit) != bit_is_set(address, bit))
			return false;
	return true;
}

/* The next item of the list, with its '!'. Returns false at the end. */
static bool next_item(const char **list, char item[ITEM_SIZE])
{
	size_t length;

	if (!**list)
		return false;
	length = strcspn(*list, ",");
	snprintf(item, ITEM_SIZE, "%.*s", (int)length, *list);
	*list += length + ((*list)[length] == ',');
	return true;
}

bool pattern_list_matches(const char *list, const char *address)
{
	struct network client, network;
	bool known = read_address(address, &client), matched = false, fits;
	char item[ITEM_SIZE];
	const char *pattern;

	while (next_item(&list, item)) {
		pattern = item + (*item == '!');
		if (!read_network(pattern, &network))
			fits = pattern_matches(address, pattern);
		else if (has_host_bits(&network))
			return false;
		else
			fits = known && contains(&network, &client);
		if (fits && *item == '!')
			return false;
		matched = matched || fits;
	}
	return matched;
}

static void clear_host_bits(const struct network *network, char *out)
{
	struct network clean = *network;
	char text[INET6_ADDRSTRLEN] = "";

	for (long bit = network->bits; bit < (long)network->size * 8; bit++)
		clean.bytes[bit / 8] &= (unsigned char)~(0x80 >> bit % 8);
	inet_ntop(clean.size == 16 ? AF_INET6 : AF_INET, clean.bytes, text, sizeof(text));
	snprintf(out, ITEM_SIZE, "%s/%ld", text, network->bits);
}

/* A pattern that an address in numbers can fit. */
static bool is_numeric(const char *pattern)
{
	return pattern[strspn(pattern, "0123456789abcdefABCDEF:.*?/")] == '\0' &&
	       strpbrk(pattern, "0123456789*?:");
}

enum pattern_trouble pattern_list_check(const char *list, bool use_dns, char *item, char *repaired)
{
	char now[ITEM_SIZE], name[ITEM_SIZE] = "";
	struct network network;
	bool numbers = false;

	*item = *repaired = '\0';
	while (next_item(&list, now)) {
		const char *pattern = now + (*now == '!');
		if (read_network(pattern, &network) && has_host_bits(&network)) {
			snprintf(item, ITEM_SIZE, "%s", pattern);
			clear_host_bits(&network, repaired);
			return PATTERN_HOST_BITS;
		}
		if (*now == '!' || !*now)
			continue;
		if (is_numeric(pattern))
			numbers = true;
		else
			memcpy(name, now, sizeof(name));
	}
	memcpy(item, name, sizeof(name));
	if (!numbers && !*name)
		return PATTERN_EMPTY;
	if (!*name || use_dns)
		return PATTERN_FINE;
	return numbers ? PATTERN_SOME_NAME : PATTERN_NAMES;
}
