#include "keys/patterns.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define ADDRESS_MAX (PATTERN_ITEM_SIZE - 1) /* OpenSSH: addrbuf of addr_pton_cidr() */

struct network {
	int family;
	unsigned char address[16];
	unsigned bits;
};

enum item_kind { ITEM_EMPTY, ITEM_PATTERN, ITEM_NETWORK, ITEM_HOST_BITS };

struct item {
	const char *text;
	size_t length;
	bool negated;
};

static unsigned address_bits(const struct network *network)
{
	return network->family == AF_INET ? 32 : 128;
}

/*
 * The numeric forms that getaddrinfo(3) takes with AI_NUMERICHOST: inet_aton(3)'s, so
 * that 127.1 is an address too, and IPv6 with or without a zone.
 */
static bool parse_address(const char *text, struct network *network)
{
	char copy[ADDRESS_MAX + 1];

	*network = (struct network){.family = AF_INET, .bits = 32};
	if (!strpbrk(text, " \t\r\n\v\f") &&
		inet_aton(text, (struct in_addr *)(void *)network->address) != 0)
		return true;
	*network = (struct network){.family = AF_INET6, .bits = 128};
	strcpy(copy, text);
	copy[strcspn(copy, "%")] = '\0';
	return inet_pton(AF_INET6, copy, network->address) == 1;
}

static bool has_host_bits(const struct network *network)
{
	for (unsigned i = network->bits; i < address_bits(network); i++)
		if (network->address[i / 8] >> (7 - i % 8) & 1)
			return true;
	return false;
}

/* What addr_pton_cidr() makes of an item. */
static enum item_kind parse_item(const struct item *item, struct network *network)
{
	char text[ADDRESS_MAX + 1], *slash;
	long bits = -1;

	if (!item->length)
		return ITEM_EMPTY;
	if (item->length > ADDRESS_MAX)
		return ITEM_PATTERN;
	memcpy(text, item->text, item->length);
	text[item->length] = '\0';
	slash = strchr(text, '/');
	if (slash) {
		*slash = '\0';
		if (text_number(slash + 1, 0, 128, &bits) != 0)
			return ITEM_PATTERN;
	}
	if (!parse_address(text, network))
		return ITEM_PATTERN;
	if (bits > (long)network->bits)
		return ITEM_HOST_BITS;
	if (bits >= 0)
		network->bits = (unsigned)bits;
	return has_host_bits(network) ? ITEM_HOST_BITS : ITEM_NETWORK;
}

static bool in_network(const struct network *address, const struct network *network)
{
	if (address->family != network->family)
		return false;
	for (unsigned i = 0; i < network->bits; i++)
		if ((address->address[i / 8] ^ network->address[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

/* '*' and '?' as shells have them, nothing else. small: letters of the pattern count so. */
static bool matches(const char *text, const char *pattern, size_t length, bool small)
{
	const char *retry_text = NULL;
	size_t at = 0, retry = 0;

	while (*text) {
		unsigned char wanted = at < length ? (unsigned char)pattern[at] : '\0';

		if (wanted == '*') {
			retry = ++at;
			retry_text = text;
		} else if (wanted && (wanted == '?' || (small ? tolower(wanted) : wanted) ==
							       (unsigned char)*text)) {
			at++;
			text++;
		} else if (retry_text) {
			at = retry;
			text = ++retry_text;
		} else {
			return false;
		}
	}
	while (at < length && pattern[at] == '*')
		at++;
	return at == length;
}

bool pattern_matches(const char *text, const char *pattern)
{
	return matches(text, pattern, strlen(pattern), false);
}

/* Takes the next item off the list. There is always one more than there are commas. */
static bool next_item(const char **list, struct item *item)
{
	if (!*list)
		return false;
	item->negated = **list == '!';
	item->text = *list + item->negated;
	item->length = strcspn(item->text, ",");
	*list = item->text[item->length] ? item->text + item->length + 1 : NULL;
	return true;
}

bool pattern_list_matches(const char *list, const char *address)
{
	struct network client, network;
	bool known, matched = false, fits;
	struct item item;
	enum item_kind kind;

	if (strlen(address) > ADDRESS_MAX)
		return false;
	known = parse_address(address, &client);
	while (next_item(&list, &item)) {
		kind = parse_item(&item, &network);
		if (kind == ITEM_EMPTY || kind == ITEM_HOST_BITS)
			return false;
		fits = (kind == ITEM_NETWORK && known && in_network(&client, &network)) ||
		       matches(address, item.text, item.length, true);
		if (fits && item.negated)
			return false;
		matched = matched || fits;
	}
	return matched;
}

static void clear_host_bits(const struct network *network, char out[PATTERN_ITEM_SIZE])
{
	struct network clean = *network;
	char text[INET6_ADDRSTRLEN] = "";

	for (unsigned i = network->bits; i < address_bits(network); i++)
		clean.address[i / 8] &= (unsigned char)~(0x80 >> i % 8);
	inet_ntop(clean.family, clean.address, text, sizeof(text));
	snprintf(out, PATTERN_ITEM_SIZE, "%s/%u", text, network->bits);
}

/* A pattern that no address in numbers can fit. */
static bool is_name(const struct item *item)
{
	if (memchr(item->text, ':', item->length))
		return false;
	for (size_t i = 0; i < item->length; i++)
		if (isalpha((unsigned char)item->text[i]) || item->text[i] == '/')
			return true;
	return false;
}

enum pattern_trouble pattern_list_check(const char *list, bool use_dns,
	char item[PATTERN_ITEM_SIZE], char repaired[PATTERN_ITEM_SIZE])
{
	struct network network;
	bool numbers = false, names = false;
	struct item now;

	*item = *repaired = '\0';
	while (next_item(&list, &now)) {
		enum item_kind kind = parse_item(&now, &network);
		bool name = kind == ITEM_PATTERN && is_name(&now);

		if (kind == ITEM_EMPTY)
			return PATTERN_EMPTY_ITEM;
		if (kind == ITEM_HOST_BITS || (name && !now.negated && !names))
			snprintf(item, PATTERN_ITEM_SIZE, "%.*s", (int)now.length, now.text);
		if (kind == ITEM_HOST_BITS) {
			clear_host_bits(&network, repaired);
			return PATTERN_HOST_BITS;
		}
		names = names || (name && !now.negated);
		numbers = numbers || (!name && !now.negated);
	}
	if (!numbers && !names)
		return PATTERN_EXCLUDES;
	if (!names || use_dns)
		return PATTERN_FINE;
	return numbers ? PATTERN_SOME_NAME : PATTERN_NAMES;
}
