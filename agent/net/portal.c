#include "net/portal.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { LINE_MAX_BYTES = 512 };

/* An entry as it is being read. */
struct draft {
	struct net_portal_entry entry;
	char host[64];
	bool broken;
};

static bool is_local(const char *host)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "0.0.0.0", "::1", "[::1]"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(host, names[i]) == 0)
			return true;
	return false;
}

/* It becomes the end of an address that people click on. */
static bool is_path(const char *text)
{
	if (*text != '/')
		return false;
	for (; *text; text++)
		if (*text <= ' ' || *text > '~' || strchr("\"'<>\\`", *text))
			return false;
	return true;
}

static void finish(struct net_portal *portal, const struct draft *draft)
{
	struct net_portal_entry *entry = &portal->list[portal->count];

	if (draft->broken || !draft->entry.external || !draft->entry.internal ||
		!*draft->entry.name || portal->count == NET_PORTAL_MAX)
		return;
	*entry = draft->entry;
	entry->local = is_local(draft->host);
	if (!is_path(entry->path))
		strcpy(entry->path, "/");
	portal->count++;
}

static void copy(struct draft *draft, char *out, size_t size, const char *value)
{
	if (strlen(value) >= size || !text_is_visible(value, strlen(value)))
		draft->broken = true;
	else
		strcpy(out, value);
}

static void set_port(struct draft *draft, uint16_t *port, const char *value)
{
	long number = 0;

	if (text_number(value, 1, UINT16_MAX, &number) != 0)
		draft->broken = true;
	*port = (uint16_t)number;
}

static void set(struct draft *draft, const char *key, const char *value)
{
	if (strcmp(key, "hostname") == 0)
		copy(draft, draft->host, sizeof(draft->host), value);
	else if (strcmp(key, "external_port") == 0)
		set_port(draft, &draft->entry.external, value);
	else if (strcmp(key, "internal_port") == 0)
		set_port(draft, &draft->entry.internal, value);
	else if (strcmp(key, "open_path") == 0)
		copy(draft, draft->entry.path, sizeof(draft->entry.path), value);
	else if (strcmp(key, "name") == 0)
		copy(draft, draft->entry.name, sizeof(draft->entry.name), value);
}

static char *take_plain(char **text)
{
	char *start = *text, *end = start;
	bool more;

	while (*end && !(*end == ':' && (end[1] == ' ' || !end[1])) &&
		!(end[0] == ' ' && end[1] == '#'))
		end++;
	more = *end == ':';
	*end = '\0';
	*text = end + more;
	while (end > start && end[-1] == ' ')
		*--end = '\0';
	return *start && strchr("[]{}&*!|>%@`,?", *start) ? NULL : start;
}

/*
 * Takes a scalar off the front of *text, in place: plain up to ": ", or quoted (YAML 1.2,
 * 7.3). Returns it, and leaves *text behind it; NULL if it is none that we read.
 */
static char *take_scalar(char **text)
{
	char *start = *text, *from, *to, quote = *start;

	if (quote != '\'' && quote != '"')
		return take_plain(text);
	for (from = to = start + 1; *from; from++) {
		if (quote == '\'' && from[0] == '\'' && from[1] == '\'')
			from++;
		else if (*from == quote)
			break;
		else if (quote == '"' && *from == '\\')
			return NULL;
		*to++ = *from;
	}
	if (!*from)
		return NULL;
	*to = '\0';
	*text = from + 1 + strspn(from + 1, " ");
	if (**text == ':')
		(*text)++;
	return start + 1;
}

/* "KEY: VALUE"; the value is "" if there is none. Returns 0 or -1. */
static int split(char *line, char **key, char **value)
{
	*key = take_scalar(&line);
	if (!*key)
		return -1;
	line += strspn(line, " ");
	if (*line == '#')
		*line = '\0';
	*value = take_scalar(&line);
	return *value ? 0 : -1;
}

struct reading {
	struct net_portal *portal;
	struct draft draft;
	size_t indent; /* of the entries' names; 0: none was seen yet */
	bool inside;   /* the applications */
};

static void read_line(struct reading *reading, char *line)
{
	size_t indent = strspn(line, " ");
	char *key, *value;
	int bad;

	if (!line[indent] || line[indent] == '#')
		return;
	bad = split(line + indent, &key, &value);
	if (indent == 0) {
		finish(reading->portal, &reading->draft);
		reading->draft = (struct draft){0};
		reading->inside = bad == 0 && strcmp(key, "applications") == 0 && !*value;
		reading->indent = 0;
	} else if (reading->inside && (!reading->indent || indent <= reading->indent)) {
		finish(reading->portal, &reading->draft);
		reading->draft = (struct draft){.broken = bad != 0 || *value};
		reading->indent = indent;
		if (bad == 0)
			set(&reading->draft, "name", key);
	} else if (bad != 0) {
		reading->draft.broken = true;
	} else {
		set(&reading->draft, key, value);
	}
}

void net_portal_parse_file(struct net_portal *portal, const char *text, size_t length)
{
	struct reading reading = {.portal = portal};
	const char *end = text + length;
	char line[LINE_MAX_BYTES];

	for (size_t used; text < end; text += used + 1) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));

		used = newline ? (size_t)(newline - text) : (size_t)(end - text);
		/* A longer line has no part in what is wanted. */
		if (used >= sizeof(line) || memchr(text, '\0', used)) {
			reading.draft.broken = true;
			continue;
		}
		memcpy(line, text, used);
		line[used] = '\0';
		line[strcspn(line, "\r")] = '\0';
		read_line(&reading, line);
	}
	finish(portal, &reading.draft);
}

static void read_item(struct net_portal *portal, char *item)
{
	static const char *const keys[] = {
		"hostname", "external_port", "internal_port", "open_path", "name"};
	struct draft draft = {0};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		/* The name is the rest: it may have colons. */
		char *end = i < 4 ? strchr(item, ':') : item + strlen(item);
		bool more;

		if (!end)
			return;
		more = *end != '\0';
		*end = '\0';
		set(&draft, keys[i], item);
		item = end + more;
	}
	finish(portal, &draft);
}

void net_portal_parse_variable(struct net_portal *portal, const char *text)
{
	char item[LINE_MAX_BYTES];

	for (; *text; text += *text == '|') {
		size_t length = strcspn(text, "|");

		if (length < sizeof(item)) {
			memcpy(item, text, length);
			item[length] = '\0';
			read_item(portal, item);
		}
		text += length;
	}
}
