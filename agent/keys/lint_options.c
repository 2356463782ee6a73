/* The options of a line, one by one: which of them sshd drops the line for, and why. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/text.h"
#include "keys/lint_add.h"
#include "keys/options.h"
#include "keys/patterns.h"

#define VALUE_SIZE 1024

struct item {
	const struct lint_line *line;
	const char *text; /* of the option, without its comma */
	size_t length;
	size_t name_length;
	bool has_value, quoted;
	char name[32];
	char value[VALUE_SIZE]; /* without quotes and escapes; cut */
};

/* The first release of sshd that knows an option: OpenSSH's release notes. */
static const struct {
	const char *name;
	unsigned since;
} releases[] = {
	{"principals", 506},
	{"restrict", 702},
	{"expiry-time", 707},
	{"permitlisten", 708},
	{"touch-required", 802},
	{"no-touch-required", 802},
	{"verify-required", 804},
	{"no-verify-required", 804},
};

/* Removes the option and one of its commas; without options, also the blank behind. */
static char *sed_remove(const struct item *item)
{
	const struct key_line *parsed = &item->line->parsed;
	size_t offset = (size_t)(item->text - item->line->text), length = item->length;
	const char *end = parsed->options_text + parsed->options_length;

	if (item->text + length < end) {
		length++;
	} else if (item->text > parsed->options_text) {
		offset--;
		length++;
	} else {
		length += strspn(end, " \t");
	}
	return lint_sed_replace(item->line, offset, length, "");
}

/* A value that was cut is not put back. */
static char *sed_value(const struct item *item, const char *value)
{
	char *text, *sed;
	size_t offset = (size_t)(item->text - item->line->text);

	if (item->length >= VALUE_SIZE)
		return NULL;
	text = lint_sed("%.*s=\"%s\"", (int)item->name_length, item->text, value);
	sed = text ? lint_sed_replace(item->line, offset, item->length, text) : NULL;
	free(text);
	return sed;
}

static bool is(const struct item *item, const char *name)
{
	return strcasecmp(item->name, name) == 0;
}

static void lint_expiry_form(const struct item *item)
{
	const char *value = item->value;
	char digits[16] = "";
	size_t length = 0;

	for (const char *at = value; *at && length < 14; at++)
		if (isdigit((unsigned char)*at))
			digits[length++] = *at;
	digits[length] = '\0';
	/* 2099-01-01, 2099-01-01T10:00, 2099-01-01T10:00:00Z */
	if (strlen(value) >= 10 && value[4] == '-' && value[7] == '-' &&
		(length == 8 || length == 12 || length == 14)) {
		if (value[strlen(value) - 1] == 'Z')
			strcat(digits, "Z");
		lint_add(item->line, "expiry-form", true, sed_value(item, digits),
			"sshd does not know the time '%s', and drops the line; it wants %s", value,
			digits);
		return;
	}
	lint_add(item->line, "expiry-impossible", true, sed_remove(item),
		"'%s' is no time that there is (YYYYMMDD[HHMM[SS]][Z]): sshd drops the line; "
		"without the option the key has no end",
		value);
}

static void lint_expiry(const struct item *item)
{
	const struct lint_rules *rules = item->line->rules;
	struct key_options options;
	char when[32];
	size_t length = strlen(item->value);
	bool utc = length && !isdigit((unsigned char)item->value[length - 1]);

	if (strncmp(item->value, "1970", 4) < 0 && length >= 8 &&
		strspn(item->value, "0123456789") >= 8) {
		lint_add(item->line, "expiry-before-1970", rules->sshd < 1000, sed_remove(item),
			"the key ended in %.4s, before 1970: sshd 9 drops the line, and sshd 10 "
			"takes "
			"that for 'never'",
			item->value);
		return;
	}
	if (key_options_parse(item->text, item->length, &options, NULL) != 0) {
		lint_expiry_form(item);
		return;
	}
	if (utc && rules->sshd && rules->sshd < 901)
		lint_add(item->line, "option-too-new", true, sed_remove(item),
			"this sshd is older than 9.1 and drops the line: it knows no 'Z' in a "
			"time");
	if (rules->now && key_is_expired(options.expires, rules->now))
		lint_add(item->line, "expired", false, sed_remove(item),
			"the key ended at %s; without the option it has no end",
			text_time(when, sizeof(when), options.expires));
}

/* Whether sshd would drop the line for the option; that is told then. */
static bool lint_parse(const struct item *item)
{
	struct key_options options;
	struct error error;

	if (key_options_parse(item->text, item->length, &options, &error) == 0)
		return false;
	lint_add(item->line,
		strstr(error.message, "not an option") ? "unknown-option" : "bad-option", true,
		sed_remove(item), "%s", error.message);
	return true;
}

static void lint_from(const struct item *item)
{
	char found[PATTERN_ITEM_SIZE], repaired[PATTERN_ITEM_SIZE], value[VALUE_SIZE + 80];
	const char *at;

	switch (pattern_list_check(item->value, item->line->rules->use_dns, found, repaired)) {
	case PATTERN_FINE:
		lint_parse(item);
		return;
	case PATTERN_HOST_BITS:
		at = strstr(item->value, found);
		if (at) {
			snprintf(value, sizeof(value), "%.*s%s%s", (int)(at - item->value),
				item->value, repaired, at + strlen(found));
		}
		lint_add(item->line, "from-host-bits", true, at ? sed_value(item, value) : NULL,
			"the network %s has bits behind its length: sshd then lets in nobody with "
			"this key; it is called %s",
			found, repaired);
		return;
	case PATTERN_EMPTY_ITEM:
	case PATTERN_EXCLUDES:
		lint_add(item->line, "from-empty", true, sed_remove(item),
			"from=\"%s\" fits nobody; without the option the key works from anywhere",
			item->value);
		return;
	case PATTERN_NAMES:
	case PATTERN_SOME_NAME:
		lint_add(item->line, "from-name", !strpbrk(item->value, ",") || false, NULL,
			"'%s' in from= is a host name, and sshd looks up none (UseDNS no): it "
			"never fits; write the address",
			found);
		return;
	}
}

static void lint_value_quotes(const struct item *item)
{
	char value[VALUE_SIZE];
	size_t length = item->length - item->name_length - 1;
	const char *text = item->text + item->name_length + 1;
	bool single = length >= 2 && *text == '\'' && text[length - 1] == '\'';

	snprintf(value, sizeof(value), "%.*s", (int)(length - (single ? 2 : 0)), text + single);
	lint_add(item->line, single ? "single-quotes" : "unquoted-value", true,
		strpbrk(value, "\"\\") ? NULL : sed_value(item, value),
		"the value of %s must stand in double quotes: sshd drops the line", item->name);
}

/* Options that sshd takes, and that do not do what they seem to. */
static void lint_meaning(const struct item *item)
{
	const struct lint_rules *rules = item->line->rules;
	enum pubkey_kind kind = item->line->parsed.key.kind;
	bool sk = kind == PUBKEY_SK_ED25519 || kind == PUBKEY_SK_ECDSA;

	for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++)
		if (rules->sshd && rules->sshd < releases[i].since && is(item, releases[i].name))
			lint_add(item->line, "option-too-new", true, sed_remove(item),
				"this sshd (%u.%u) does not know %s and drops the line",
				rules->sshd / 100, rules->sshd % 100, item->name);
	if (is(item, "expiry-time"))
		lint_expiry(item);
	else if (is(item, "from"))
		lint_from(item);
	else if (is(item, "environment") && !rules->permit_environment && rules->sshd)
		lint_add(item->line, "environment", false, sed_remove(item),
			"environment= does nothing here: sshd has PermitUserEnvironment no");
	else if ((is(item, "verify-required") || is(item, "no-touch-required")) && !sk)
		lint_add(item->line, "sk-option", false, sed_remove(item),
			"%s does nothing: the key is not one of a security key", item->name);
	else if (is(item, "cert-authority"))
		lint_add(item->line, "cert-authority", false, sed_remove(item),
			"the line lets in whoever has a certificate that this key signed, and not "
			"the key itself; if it is somebody's login key, take cert-authority out");
}

static void lint_item(struct item *item)
{
	if (item->length == 0)
		return;
	if (item->has_value && !item->quoted) {
		lint_value_quotes(item);
		return;
	}
	if (is(item, "principals") && !item->line->parsed.options.cert_authority) {
		lint_add(item->line, "principals", true, sed_remove(item),
			"principals= only goes with cert-authority: sshd lets nobody in by this "
			"line");
		return;
	}
	/* These two say themselves what is wrong with them, and better. */
	if (is(item, "expiry-time") || is(item, "from") || !lint_parse(item))
		lint_meaning(item);
}

/* Name and value of item->text. */
static void split(struct item *item)
{
	const char *equals = memchr(item->text, '=', item->length), *value, *end;
	size_t out = 0;

	item->name_length = equals ? (size_t)(equals - item->text) : item->length;
	snprintf(item->name, sizeof(item->name), "%.*s", (int)item->name_length, item->text);
	item->has_value = equals != NULL;
	if (!equals)
		return;
	value = equals + 1;
	end = item->text + item->length;
	item->quoted = value < end && *value == '"';
	for (value += item->quoted; value < end && *value != '"' && out < VALUE_SIZE - 1; value++) {
		if (*value == '\\' && value + 1 < end && value[1] == '"')
			value++;
		item->value[out++] = *value;
	}
	item->value[out] = '\0';
}

static size_t item_length(const char *text, const char *end)
{
	bool quoted = false;
	const char *at = text;

	for (; at < end && (quoted || *at != ','); at++) {
		if (*at == '\\' && at + 1 < end && at[1] == '"')
			at++;
		else if (*at == '"')
			quoted = !quoted;
	}
	return (size_t)(at < end ? at - text : end - text);
}

size_t lint_options(const struct lint_line *line)
{
	const char *next = line->parsed.options_text;
	const char *end = next + line->parsed.options_length;
	size_t before = line->lint->count, failures = 0;

	while (next && next < end) {
		struct item item = {.line = line, .text = next, .length = item_length(next, end)};

		split(&item);
		lint_item(&item);
		next += item.length + 1;
	}
	for (size_t i = before; i < line->lint->count; i++)
		failures += line->lint->list[i].fails;
	return failures;
}
