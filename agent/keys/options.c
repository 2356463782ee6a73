#include "keys/options.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/text.h"
#include "keys/from.h"
#include "sys/services.h"

#define ENVIRONMENT_MAX 1025          /* OpenSSH: SSH_AUTHOPT_ENV_MAX + 1 */
#define PERMIT_MAX      4097          /* OpenSSH: SSH_AUTHOPT_PERMIT_MAX + 1 */
#define TUNNEL_MAX      (INT_MAX - 2) /* OpenSSH: SSH_TUNID_MAX */

struct parse {
	const char *next;
	const char *end;
	struct key_options *options;
	unsigned environments, permit_opens, permit_listens;
	uint64_t *names; /* of environment=, hashed: sshd counts each name once */
	struct error *error;
	const char *wanted; /* key_options_value: the option, and where its value goes */
	char *value;
};

int key_options_length(const char *text, size_t text_length, size_t *length)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < text_length && (quoted || (text[i] != ' ' && text[i] != '\t')); i++) {
		if (text[i] == '\\' && i + 1 < text_length && text[i + 1] == '"')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
	}
	*length = i < text_length ? i : text_length;
	return quoted ? -1 : 0;
}

static int fail(struct parse *parse, const char *name, const char *problem)
{
	return error_set(parse->error, ERROR_BAD_OPTION, "option %s: %s", name, problem);
}

static const struct {
	const char *name;
	bool negatable;
	enum key_option option;
} flags[] = {
	{"restrict", false, KEY_OPTION_RESTRICT},
	{"cert-authority", false, KEY_OPTION_CERT_AUTHORITY},
	{"port-forwarding", true, KEY_OPTION_PORT_FORWARDING},
	{"agent-forwarding", true, KEY_OPTION_AGENT_FORWARDING},
	{"x11-forwarding", true, KEY_OPTION_X11_FORWARDING},
	{"touch-required", true, KEY_OPTION_TOUCH_REQUIRED},
	{"verify-required", true, KEY_OPTION_VERIFY_REQUIRED},
	{"pty", true, KEY_OPTION_PTY},
	{"user-rc", true, KEY_OPTION_USER_RC},
};

/*
 * As parse_absolute_time() of OpenSSH: strptime(3) with separators put in, so that it
 * takes "2099 1 1" too. Returns 0, or -1.
 */
static int parse_time(const char *value, size_t length, struct tm *parts)
{
	char text[32];
	const char *end;
	size_t used;

	if (length != 8 && length != 12 && length != 14)
		return -1;
	used = (size_t)snprintf(text, sizeof(text), "%.4s-%.2s-%.2s", value, value + 4, value + 6);
	if (length >= 12)
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "T%.2s:%.2s", value + 8, value + 10);
	if (length == 14)
		snprintf(text + used, sizeof(text) - used, ":%.2s", value + 12);
	/* Zeroed, and so without summer time, as sshd does it. */
	*parts = (struct tm){0};
	end = strptime(text,
		length == 8    ? "%Y-%m-%d"
		: length == 12 ? "%Y-%m-%dT%H:%M"
			       : "%Y-%m-%dT%H:%M:%S",
		parts);
	return end && !*end ? 0 : -1;
}

static int parse_expiry(struct parse *parse, const char *name, const char *value)
{
	size_t length = strlen(value);
	bool utc = true;
	struct tm parts;
	time_t when;

	if (length > 1 && strcasecmp(value + length - 1, "Z") == 0)
		length--;
	else if (length > 3 && strcasecmp(value + length - 3, "UTC") == 0)
		length -= 3;
	else
		utc = false;
	if (length != 8 && length != 12 && length != 14)
		return fail(parse, name, "expects YYYYMMDD[HHMM[SS]][Z] in quotes");
	if (parse_time(value, length, &parts) != 0)
		return fail(parse, name, "there is no such day or time");
	when = utc ? timegm(&parts) : mktime(&parts);
	if (when <= 0)
		return fail(parse, name, "the time is before 1970");
	if (!parse->options->expires || when < parse->options->expires)
		parse->options->expires = when;
	if (utc)
		parse->options->used |= 1U << KEY_OPTION_UTC;
	return 0;
}

static int parse_once(struct parse *parse, const char *name, bool *given)
{
	if (*given)
		return fail(parse, name, "is given twice; sshd then drops the whole line");
	*given = true;
	return 0;
}

static int parse_command(struct parse *parse, const char *name, const char *value)
{
	(void)value;
	return parse_once(parse, name, &parse->options->command);
}

static int parse_principals(struct parse *parse, const char *name, const char *value)
{
	(void)value;
	return parse_once(parse, name, &parse->options->principals);
}

static int parse_from(struct parse *parse, const char *name, const char *value)
{
	if (parse_once(parse, name, &parse->options->from) != 0)
		return -1;
	return from_check(value, NULL, parse->error);
}

/* FNV-1a: two names of one line that share a hash cannot come about by accident. */
static uint64_t hash_name(const char *name, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)name[i]) * 0x100000001b3;
	return hash;
}

static int parse_environment(struct parse *parse, const char *name, const char *value)
{
	size_t length = 0;
	uint64_t hash;

	while (isalnum((unsigned char)value[length]) || value[length] == '_')
		length++;
	if (!length || value[length] != '=')
		return fail(parse, name, "expects \"NAME=value\"");
	if (parse->environments == ENVIRONMENT_MAX)
		return fail(parse, name, "is given too often");
	if (!parse->names)
		parse->names = calloc(ENVIRONMENT_MAX, sizeof(*parse->names));
	if (!parse->names)
		return error_set(parse->error, ERROR_INTERNAL, "out of memory");
	hash = hash_name(value, length);
	for (unsigned i = 0; i < parse->environments; i++)
		if (parse->names[i] == hash)
			return 0;
	parse->names[parse->environments++] = hash;
	return 0;
}

/* strtonum(3): a number in low..high, with leading space and a sign if need be. */
static bool is_number(const char *text, long long low, long long high)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	return end != text && !*end && !errno && number >= low && number <= high;
}

/* A number or the name of a service, as a2port() of OpenSSH; 0 is none. */
static bool is_port(const char *text)
{
	if (strcmp(text, "*") == 0 || is_number(text, 1, 65535))
		return true;
	return !is_number(text, 0, 0) && service_is_known(text);
}

/* "host:port", "[v6]:port" or "host/port", as OpenSSH's hpdelim2() splits them. */
static bool is_host_and_port(const char *value)
{
	const char *end = *value == '[' ? strchr(value, ']') : strpbrk(value, ":/");

	if (end && *value == '[')
		end++;
	if (!end || (*end != ':' && *end != '/') || end - value >= NI_MAXHOST)
		return false;
	return is_port(end + 1);
}

static int parse_permitopen(struct parse *parse, const char *name, const char *value)
{
	if (!is_host_and_port(value))
		return fail(parse, name, "expects \"HOST:PORT\"");
	if (++parse->permit_opens > PERMIT_MAX)
		return fail(parse, name, "is given too often");
	return 0;
}

static int parse_permitlisten(struct parse *parse, const char *name, const char *value)
{
	if (!(strchr(value, ':') ? is_host_and_port(value) : is_port(value)))
		return fail(parse, name, "expects \"[HOST:]PORT\"");
	if (++parse->permit_listens > PERMIT_MAX)
		return fail(parse, name, "is given too often");
	return 0;
}

static int parse_tunnel(struct parse *parse, const char *name, const char *value)
{
	if (strcasecmp(value, "any") != 0 && !is_number(value, 0, TUNNEL_MAX))
		return fail(parse, name, "expects \"any\" or a number");
	return 0;
}

static const struct {
	const char *name;
	int (*parse)(struct parse *parse, const char *name, const char *value);
	enum key_option option;
} values[] = {
	{"command", parse_command, KEY_OPTION_COMMAND},
	{"principals", parse_principals, KEY_OPTION_PRINCIPALS},
	{"from", parse_from, KEY_OPTION_FROM},
	{"expiry-time", parse_expiry, KEY_OPTION_EXPIRY_TIME},
	{"environment", parse_environment, KEY_OPTION_ENVIRONMENT},
	{"permitopen", parse_permitopen, KEY_OPTION_PERMITOPEN},
	{"permitlisten", parse_permitlisten, KEY_OPTION_PERMITLISTEN},
	{"tunnel", parse_tunnel, KEY_OPTION_TUNNEL},
};

static bool starts_with(const struct parse *parse, const char *name)
{
	size_t length = strlen(name);

	return (size_t)(parse->end - parse->next) >= length &&
	       strncasecmp(parse->next, name, length) == 0;
}

/* Takes a quoted value; only \" is an escape. Returns a copy to free, or NULL. */
static char *take_quoted(struct parse *parse, const char *name)
{
	char *value, *out;

	if (parse->next == parse->end || *parse->next != '"') {
		fail(parse, name, "the value must be in double quotes");
		return NULL;
	}
	value = malloc((size_t)(parse->end - parse->next) + 1);
	if (!value) {
		error_set(parse->error, ERROR_INTERNAL, "out of memory");
		return NULL;
	}
	out = value;
	for (parse->next++; parse->next < parse->end && *parse->next != '"'; parse->next++) {
		if (*parse->next == '\\' && parse->next + 1 < parse->end && parse->next[1] == '"')
			parse->next++;
		*out++ = *parse->next;
	}
	*out = '\0';
	if (parse->next == parse->end) {
		free(value);
		fail(parse, name, "the closing quote is missing");
		return NULL;
	}
	parse->next++;
	return value;
}

static bool take_flag(struct parse *parse)
{
	const char *start = parse->next;
	bool negated = starts_with(parse, "no-");

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		parse->next = start + (negated && flags[i].negatable ? 3 : 0);
		if (starts_with(parse, flags[i].name)) {
			parse->next += strlen(flags[i].name);
			parse->options->used |= 1U << flags[i].option;
			if (strcmp(flags[i].name, "cert-authority") == 0)
				parse->options->cert_authority = true;
			return true;
		}
	}
	parse->next = start;
	return false;
}

/* Returns 1 if an option with a value was taken, 0 if there is none, -1 on failure. */
static int take_value(struct parse *parse)
{
	size_t length;
	char *value;
	int result;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		length = strlen(values[i].name);
		if (!starts_with(parse, values[i].name) ||
			(size_t)(parse->end - parse->next) == length || parse->next[length] != '=')
			continue;
		parse->next += length + 1;
		value = take_quoted(parse, values[i].name);
		result = value ? values[i].parse(parse, values[i].name, value) : -1;
		parse->options->used |= 1U << values[i].option;
		if (result == 0 && parse->wanted && !parse->value &&
			strcmp(parse->wanted, values[i].name) == 0)
			parse->value = value;
		else
			free(value);
		return result == 0 ? 1 : -1;
	}
	return 0;
}

static int unknown(struct parse *parse, const char *start)
{
	char visible[80];
	size_t length = 0;

	while (start + length < parse->end && start[length] != ',' && start[length] != '"')
		length++;
	text_visible(visible, sizeof(visible), start, length);
	return error_set(parse->error, ERROR_BAD_OPTION,
		"'%s' is not an option that sshd knows; it would drop the whole line", visible);
}

static int parse_list(struct parse *parse)
{
	const char *start;

	*parse->options = (struct key_options){0};
	while (parse->next < parse->end) {
		start = parse->next;
		if (!take_flag(parse) && take_value(parse) < 0)
			return -1;
		/* An item may be empty; anything else must end in a comma. */
		if (parse->next < parse->end && *parse->next != ',')
			return unknown(parse, start);
		parse->next += parse->next < parse->end;
	}
	return 0;
}

int key_options_parse(
	const char *text, size_t length, struct key_options *options, struct error *error)
{
	struct parse parse = {
		.next = text, .end = text + length, .options = options, .error = error};
	int result = parse_list(&parse);

	free(parse.names);
	return result;
}

int key_options_value(const char *text, size_t length, const char *name, char **value)
{
	struct key_options options;
	struct error error = {0};
	struct parse parse = {.next = text,
		.end = length ? text + length : text,
		.options = &options,
		.error = &error,
		.wanted = name};

	/* A line without options has no text of them either. */
	if (length)
		parse_list(&parse);
	free(parse.names);
	if (error.code == ERROR_INTERNAL) {
		free(parse.value);
		parse.value = NULL;
	}
	*value = parse.value;
	return error.code == ERROR_INTERNAL ? -1 : 0;
}

bool key_is_expired(time_t expires, time_t now)
{
	return expires && expires < now;
}
