#include "keys/options.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/text.h"

#define ENVIRONMENT_MAX 1025 /* OpenSSH: SSH_AUTHOPT_ENV_MAX + 1 */
#define PERMIT_MAX      4097 /* OpenSSH: SSH_AUTHOPT_PERMIT_MAX + 1 */

struct parse {
	const char *next;
	const char *end;
	struct key_options *options;
	unsigned environments, permit_opens, permit_listens;
	struct error *error;
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
} flags[] = {
	{"restrict", false},
	{"cert-authority", false},
	{"port-forwarding", true},
	{"agent-forwarding", true},
	{"x11-forwarding", true},
	{"touch-required", true},
	{"verify-required", true},
	{"pty", true},
	{"user-rc", true},
};

/* strptime(3) forms of expiry-time, by length without the zone. */
static const char *time_format(size_t length)
{
	switch (length) {
	case 8:
		return "%Y%m%d";
	case 12:
		return "%Y%m%d%H%M";
	case 14:
		return "%Y%m%d%H%M%S";
	default:
		return NULL;
	}
}

static int parse_expiry(struct parse *parse, const char *name, const char *value)
{
	char digits[16];
	size_t length = strspn(value, "0123456789");
	const char *zone = value + length, *format = time_format(length), *end;
	bool utc = strcasecmp(zone, "Z") == 0 || strcasecmp(zone, "UTC") == 0;
	struct tm parts = {.tm_isdst = -1};
	time_t when;

	if (!format || (*zone && !utc))
		return fail(parse, name, "expects YYYYMMDD[HHMM[SS]][Z] in quotes");
	memcpy(digits, value, length);
	digits[length] = '\0';
	end = strptime(digits, format, &parts);
	if (!end || *end)
		return fail(parse, name, "there is no such day or time");
	when = utc ? timegm(&parts) : mktime(&parts);
	if (when <= 0)
		return fail(parse, name, "the time is before 1970");
	if (!parse->options->expires || when < parse->options->expires)
		parse->options->expires = when;
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
	(void)value;
	return parse_once(parse, name, &parse->options->from);
}

static int parse_environment(struct parse *parse, const char *name, const char *value)
{
	size_t length = 0;

	while (isalnum((unsigned char)value[length]) || value[length] == '_')
		length++;
	if (!length || value[length] != '=')
		return fail(parse, name, "expects \"NAME=value\"");
	if (++parse->environments > ENVIRONMENT_MAX)
		return fail(parse, name, "is given too often");
	return 0;
}

static bool is_port(const char *text)
{
	long number;

	return strcmp(text, "*") == 0 || text_number(text, 1, 65535, &number) == 0;
}

/* "host:port", "[v6]:port" or "host/port", as OpenSSH's hpdelim2() splits them. */
static bool is_host_and_port(const char *value)
{
	const char *end;

	if (*value == '[') {
		end = strchr(value, ']');
		return end && (end[1] == ':' || end[1] == '/') && is_port(end + 2);
	}
	end = strpbrk(value, ":/");
	return end && is_port(end + 1);
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
	long number;

	if (strcasecmp(value, "any") != 0 && text_number(value, 0, INT_MAX, &number) != 0)
		return fail(parse, name, "expects \"any\" or a number");
	return 0;
}

static const struct {
	const char *name;
	int (*parse)(struct parse *parse, const char *name, const char *value);
} values[] = {
	{"command", parse_command},
	{"principals", parse_principals},
	{"from", parse_from},
	{"expiry-time", parse_expiry},
	{"environment", parse_environment},
	{"permitopen", parse_permitopen},
	{"permitlisten", parse_permitlisten},
	{"tunnel", parse_tunnel},
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
	value = out = malloc((size_t)(parse->end - parse->next) + 1);
	if (!value) {
		error_set(parse->error, ERROR_INTERNAL, "out of memory");
		return NULL;
	}
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

int key_options_parse(
	const char *text, size_t length, struct key_options *options, struct error *error)
{
	struct parse parse = {
		.next = text, .end = text + length, .options = options, .error = error};
	const char *start;

	*options = (struct key_options){0};
	while (parse.next < parse.end) {
		start = parse.next;
		if (!take_flag(&parse) && take_value(&parse) < 0)
			return -1;
		/* An item may be empty; anything else must end in a comma. */
		if (parse.next < parse.end && *parse.next != ',')
			return unknown(&parse, start);
		parse.next += parse.next < parse.end;
	}
	return 0;
}
