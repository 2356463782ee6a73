#include "keys/from.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"

#define ADDRESS_MAX 63 /* OpenSSH: addrbuf of addr_pton_cidr() */

struct network {
	int family;
	unsigned char address[16];
	unsigned bits;
};

enum item_kind { ITEM_PATTERN, ITEM_NETWORK, ITEM_MALFORMED };

struct item {
	const char *text;
	size_t length;
	bool negated;
};

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
	unsigned bits = network->family == AF_INET ? 32 : 128;

	for (unsigned i = network->bits; i < bits; i++)
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
		return ITEM_MALFORMED;
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
		return ITEM_MALFORMED;
	if (bits >= 0)
		network->bits = (unsigned)bits;
	return has_host_bits(network) ? ITEM_MALFORMED : ITEM_NETWORK;
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

/* '*' and '?' as shells have them, nothing else. Letters of the pattern count as small. */
static bool matches_pattern(const char *text, const char *pattern, size_t length)
{
	const char *retry_text = NULL;
	size_t at = 0, retry = 0;

	while (*text) {
		if (at < length && pattern[at] == '*') {
			retry = ++at;
			retry_text = text;
		} else if (at < length &&
			   (pattern[at] == '?' ||
				   tolower((unsigned char)pattern[at]) == (unsigned char)*text)) {
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

static bool is_host_name(const struct item *item)
{
	if (memchr(item->text, ':', item->length) || memchr(item->text, '/', item->length))
		return false;
	for (size_t i = 0; i < item->length; i++)
		if (isalpha((unsigned char)item->text[i]))
			return true;
	return false;
}

static int malformed(const struct item *item, struct error *error)
{
	char visible[80];

	if (!item->length)
		return error_set(error, ERROR_BAD_OPTION,
			"option from: an empty item; sshd then lets nobody in");
	text_visible(visible, sizeof(visible), item->text, item->length);
	return error_set(error, ERROR_BAD_OPTION,
		"option from: '%s' is no network: bits are set behind its length; sshd then lets "
		"nobody in",
		visible);
}

static void warn_of_name(const struct item *item, struct buffer *warnings)
{
	char visible[80];

	text_visible(visible, sizeof(visible), item->text, item->length);
	buffer_add_format(warnings,
		"from: '%s' is a name; it matches nothing while sshd has UseDNS no, as it does "
		"unless it was changed; use an address\n",
		visible);
}

int from_check(const char *patterns, struct buffer *warnings, struct error *error)
{
	struct network network;
	bool admits = false;
	struct item item;

	while (next_item(&patterns, &item)) {
		enum item_kind kind = parse_item(&item, &network);

		if (kind == ITEM_MALFORMED)
			return malformed(&item, error);
		admits = admits || !item.negated;
		if (warnings && kind == ITEM_PATTERN && is_host_name(&item))
			warn_of_name(&item, warnings);
	}
	if (!admits)
		return error_set(error, ERROR_BAD_OPTION,
			"option from: it only excludes, so that nobody gets in; add ,* behind it");
	return 0;
}

bool from_matches(const char *patterns, const char *address)
{
	struct network client, network;
	bool known, admits = false, matches;
	struct item item;

	if (from_check(patterns, NULL, NULL) != 0 || strlen(address) > ADDRESS_MAX)
		return false;
	known = parse_address(address, &client);
	while (next_item(&patterns, &item)) {
		matches = parse_item(&item, &network) == ITEM_NETWORK
				  ? known && in_network(&client, &network)
				  : false;
		matches = matches || matches_pattern(address, item.text, item.length);
		if (matches && item.negated)
			return false;
		admits = admits || matches;
	}
	return admits;
}
