#include "login/roster.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* "3.3a", "next-3.4", "openbsd-7.2" (which says nothing of a release). */
static int parse_version(const char *text)
{
	int major, minor;

	if (strncmp(text, "next-", 5) == 0)
		text += 5;
	if (sscanf(text, "%d.%d", &major, &minor) != 2 || major < 0 || major > 9999 || minor < 0 ||
		minor > 99)
		return 0;
	return major * 100 + minor;
}

/* '#' and '%' begin something in tmux's formats: "#(command)" would even be run. */
static void copy_name(char *out, size_t size, const char *name, size_t length)
{
	text_visible(out, size, name, length);
	for (; *out; out++)
		if (*out == '#' || *out == '%')
			*out = '_';
}

static void parse_client(struct roster *roster, const char *line, size_t length)
{
	struct roster_client client = {0};
	char version[32];
	int at = 0;

	if (roster->client_count == ROSTER_CLIENTS)
		return;
	if (sscanf(line, "C @%ld %d %lld %63s %31s %n", &client.window, &client.pid,
		    &client.activity, client.tty, version, &at) != 5 ||
		*version != 'v' || (size_t)at >= length)
		return;
	snprintf(client.session, sizeof(client.session), "%.*s", (int)length - at, line + at);
	roster->version = parse_version(version + 1);
	roster->clients[roster->client_count++] = client;
}

static void parse_window(struct roster *roster, const char *line, size_t length)
{
	struct roster_window window = {0};
	int current, panes, dead, mode, at = 0;

	if (roster->window_count == ROSTER_WINDOWS)
		return;
	if (sscanf(line, "W @%ld %d %d %d %d %d %d%n", &window.window, &window.index, &current,
		    &panes, &window.pane, &dead, &mode, &at) != 7 ||
		(size_t)at > length)
		return;
	at += line[at] == ' ';
	copy_name(window.name, sizeof(window.name), line + at, length - (size_t)at);
	window.is_current = current != 0;
	window.may_be_idle = panes == 1 && !dead && !mode;
	roster->windows[roster->window_count++] = window;
}

static void parse_session(struct roster *roster, const char *line, size_t length)
{
	int attached, at = 0;

	if (roster->left_count == ROSTER_LEFT || sscanf(line, "S %d %n", &attached, &at) != 1 ||
		attached || at == 0 || (size_t)at >= length)
		return;
	snprintf(roster->left[roster->left_count++], sizeof(roster->left[0]), "%.*s",
		(int)length - at, line + at);
}

void roster_parse(struct roster *roster, const char *text)
{
	size_t length;

	*roster = (struct roster){0};
	for (; *text; text += length + (text[length] == '\n')) {
		length = strcspn(text, "\n");
		if (*text == 'C')
			parse_client(roster, text, length);
		else if (*text == 'W')
			parse_window(roster, text, length);
		else if (*text == 'S')
			parse_session(roster, text, length);
	}
}

pid_t roster_owner(const char *name, const char *session)
{
	size_t length = strlen(session);
	long pid;

	if (strncmp(name, session, length) != 0 || name[length] != '-' ||
		text_number(name + length + 1, 1, INT_MAX, &pid) != 0)
		return 0;
	return (pid_t)pid;
}

bool roster_is_attended(const struct roster *roster, long window)
{
	for (size_t i = 0; i < roster->client_count; i++)
		if (!roster->clients[i].is_gone && roster->clients[i].window == window)
			return true;
	return false;
}

bool roster_has_client(const struct roster *roster, const char *session)
{
	for (size_t i = 0; i < roster->client_count; i++)
		if (!roster->clients[i].is_gone && strcmp(roster->clients[i].session, session) == 0)
			return true;
	return false;
}

const struct roster_window *roster_find(const struct roster *roster, long window)
{
	for (size_t i = 0; i < roster->window_count; i++)
		if (roster->windows[i].window == window)
			return &roster->windows[i];
	return NULL;
}

void roster_carry_gone(struct roster *roster, const struct roster *older)
{
	for (size_t i = 0; i < roster->client_count; i++)
		for (size_t k = 0; k < older->client_count; k++)
			if (older->clients[k].is_gone &&
				older->clients[k].pid == roster->clients[i].pid)
				roster->clients[i].is_gone = true;
}
