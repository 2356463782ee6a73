#include "login/tmux.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tmux_attach_argv(const char *argv[TMUX_ARGV_MAX], const char *tmux, const char *session)
{
	size_t n = 0;

	argv[n++] = tmux;
	/* -u: the locale that sshd hands over is often missing on the image. */
	argv[n++] = "-u";
	argv[n++] = "new-session";
	argv[n++] = "-A";
	argv[n++] = "-s";
	argv[n++] = session;
	argv[n] = NULL;
}

void tmux_exists_argv(const char *argv[TMUX_ARGV_MAX], const char *tmux, const char *target)
{
	size_t n = 0;

	argv[n++] = tmux;
	argv[n++] = "has-session";
	argv[n++] = "-t";
	argv[n++] = target;
	argv[n] = NULL;
}

int tmux_socket_path(char *out, size_t size, const char *directory, uid_t uid)
{
	int length = snprintf(out, size, "%s/tmux-%lu/default",
		directory && *directory ? directory : "/tmp", (unsigned long)uid);

	return length > 0 && (size_t)length < size ? 0 : -1;
}

const char *tmux_choose_term(const char *term,
	bool (*knows)(const char *term, const char *const *environment),
	const char *const *environment)
{
	const char *const choices[] = {term, "xterm-256color", "xterm", "screen"};

	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
		if (knows(choices[i], environment))
			return choices[i];
	return term;
}

static bool has_same_name(const char *entry, const char *change)
{
	size_t length = strcspn(change, "=");

	return strncmp(entry, change, length) == 0 && entry[length] == '=';
}

static bool is_changed(const char *entry, const char *const *changes)
{
	for (; *changes; changes++)
		if (has_same_name(entry, *changes))
			return true;
	return false;
}

static size_t count_entries(const char *const *list)
{
	size_t count = 0;

	while (list[count])
		count++;
	return count;
}

const char **tmux_environment(const char *const *environment, const char *const *changes)
{
	size_t size = count_entries(environment) + count_entries(changes) + 1, n = 0;
	const char **copy = calloc(size, sizeof(*copy));

	if (!copy)
		return NULL;
	for (; *environment; environment++)
		if (!is_changed(*environment, changes))
			copy[n++] = *environment;
	for (; *changes; changes++)
		copy[n++] = *changes;
	return copy;
}
