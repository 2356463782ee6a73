#include "login/tmux.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "login/plan.h"
#include "login/roster.h"

/* Appends the words of one tmux command, up to NULL, behind a ";" if it is not the first. */
static void add(struct tmux_command *command, ...)
{
	const char *word;
	va_list words;

	/* argv[0], and "-u" where it is given, stand before the first command. */
	if (command->count > 1 && strcmp(command->argv[command->count - 1], "-u") != 0)
		command->argv[command->count++] = ";";
	va_start(words, command);
	while ((word = va_arg(words, const char *)) && command->count < TMUX_ARGV_MAX - 1)
		command->argv[command->count++] = word;
	va_end(words);
	command->argv[command->count] = NULL;
}

static void begin(struct tmux_command *command, const char *tmux, const char *session)
{
	*command = (struct tmux_command){.argv = {tmux}, .count = 1};
	/* "=": exactly this name, not one that begins so (since 2.1). */
	snprintf(command->shared, sizeof(command->shared), "=%s:", session);
}

static void aim(struct tmux_command *command, long window)
{
	snprintf(command->window, sizeof(command->window), "%s@%ld", command->own, window);
}

static void name_session(struct tmux_command *command, const struct tmux_login *login)
{
	if (login->plan && login->plan->grouped)
		snprintf(command->name, sizeof(command->name), "%.90s-%ld", login->session,
			(long)login->pid);
	else
		snprintf(command->name, sizeof(command->name), "%s", login->session);
	snprintf(command->attach, sizeof(command->attach), "=%s", command->name);
	snprintf(command->own, sizeof(command->own), "%s:", command->attach);
}

/*
 * When the window that a terminal has for itself ends, tmux would go on with another one,
 * and typing exit twice would end what somebody works with in there: leave instead. Only
 * if another session shows that window already; what was left then stays in the session.
 * (Not window_active_clients: tmux 3.3a looks for the window of a session that is about to
 * go, which has none, and its server crashes with everything that runs in it.)
 */
static void add_leaving(struct tmux_command *command, int slot, const char *target)
{
	char *text = command->leave[slot];

	snprintf(text, sizeof(command->leave[slot]),
		"if-shell -F '#{&&:#{==:#{hook_window},#{@vastagent_window}},"
		"#{!=:#{window_active_sessions},1}}' 'detach-client -s %s'",
		target);
	add(command, "set-option", "-F", "-t", target, "@vastagent_window", "#{window_id}", NULL);
	add(command, "set-hook", "-t", target, "window-unlinked", text, NULL);
}

/* A new window's program prints the message, if it is known. */
static void add_window(struct tmux_command *command, const struct tmux_login *login)
{
	const struct plan *plan = login->plan;

	if (plan->new_window) {
		add(command, "new-window", "-t", command->own, login->program, "login", "welcome",
			plan->message, NULL);
	} else if (plan->window != ROSTER_NONE) {
		aim(command, plan->window);
		add(command, "select-window", "-t", command->window, NULL);
	}
}

/*
 * While tmux shows a message it draws nothing else (until a key is pressed): that is for a
 * window whose prompt stands there already. -d, a time of its own, exists only since 3.2.
 */
static void add_message(struct tmux_command *command, const char *message)
{
	add(command, "set-option", "-t", command->own, "display-time", "4000", NULL);
	add(command, "display-message", message, NULL);
	add(command, "set-option", "-u", "-t", command->own, "display-time", NULL);
}

/*
 * The window is chosen before the terminal is attached, or the one whose window was
 * current would shrink for a moment. Not destroy-unattached: it takes the session away
 * from a client that was told to detach and has not left yet, and tmux (3.3a) crashes when
 * it looks for that client's window. Who started the client ends the session after it.
 */
static void attach_grouped(struct tmux_command *command, const struct tmux_login *login)
{
	const struct plan *plan = login->plan;

	add(command, "new-session", "-d", "-t", command->shared, "-s", command->name, NULL);
	add_window(command, login);
	if (plan->old_sizes)
		add(command, "set-window-option", "-g", "aggressive-resize", "on", NULL);
	if (plan->leaves) {
		add_leaving(command, 0, command->own);
		add_leaving(command, 1, command->shared);
	}
	add(command, "attach-session", "-t", command->attach, NULL);
}

static void attach_shared(struct tmux_command *command, const struct tmux_login *login)
{
	if (login->plan)
		add_window(command, login);
	/* Two words or more are run as they are, without a shell (since 2.0). */
	add(command, "new-session", "-A", "-s", command->name, login->program, "login", "welcome",
		NULL);
}

void tmux_attach(struct tmux_command *command, const struct tmux_login *login)
{
	begin(command, login->tmux, login->session);
	/* -u: the locale that sshd hands over is often missing on the image. */
	command->argv[command->count++] = "-u";
	name_session(command, login);
	if (login->long_history)
		add(command, "set-option", "-g", "history-limit", "50000", NULL);
	if (login->plan && login->plan->grouped)
		attach_grouped(command, login);
	else
		attach_shared(command, login);
	if (login->plan && login->plan->message[0] && !(login->plan->new_window && login->program))
		add_message(command, login->plan->message);
}

void tmux_end_session(struct tmux_command *command, const char *tmux, const char *session,
	const char *name, bool has_hook)
{
	begin(command, tmux, session);
	snprintf(command->attach, sizeof(command->attach), "=%s", name);
	snprintf(command->own, sizeof(command->own), "%s:", command->attach);
	/* It would find no session to leave, and say so in somebody's window. */
	if (has_hook)
		add(command, "set-hook", "-u", "-t", command->own, "window-unlinked", NULL);
	/* The last of its group is what is left of the shared one, with everything that runs in
	 * it; if another took the name by now, it stays. (The size is told since 2.7.) */
	snprintf(command->leave[0], sizeof(command->leave[0]), "rename-session -t %s %s",
		command->own, session);
	snprintf(command->leave[1], sizeof(command->leave[1]), "kill-session -t %s",
		command->attach);
	add(command, "if-shell", "-F", "-t", command->own, "#{==:#{session_group_size},1}",
		command->leave[0], command->leave[1], NULL);
}

void tmux_list(struct tmux_command *command, const char *tmux, const char *session)
{
	begin(command, tmux, session);
	add(command, "list-clients", "-F", ROSTER_CLIENT_FORMAT, NULL);
	add(command, "list-windows", "-t", command->shared, "-F", ROSTER_WINDOW_FORMAT, NULL);
	add(command, "list-sessions", "-F", ROSTER_SESSION_FORMAT, NULL);
}

void tmux_exists(struct tmux_command *command, const char *tmux, const char *session)
{
	begin(command, tmux, session);
	command->shared[strlen(command->shared) - 1] = '\0';
	add(command, "has-session", "-t", command->shared, NULL);
}

void tmux_poke(struct tmux_command *command, const char *tmux, const char *tty)
{
	begin(command, tmux, "");
	add(command, "refresh-client", "-t", tty, NULL);
}

void tmux_detach(struct tmux_command *command, const char *tmux, const char *tty)
{
	begin(command, tmux, "");
	add(command, "detach-client", "-t", tty, NULL);
}

void tmux_name_window(struct tmux_command *command, const char *tmux, const char *pane)
{
	begin(command, tmux, "");
	add(command, "display-message", "-p", "-t", pane, "#{window_id}", NULL);
}

void tmux_default_command(struct tmux_command *command, const char *tmux)
{
	begin(command, tmux, "");
	add(command, "show-options", "-gv", "default-command", NULL);
}

void tmux_select(struct tmux_command *command, const char *tmux, const char *session, long window)
{
	begin(command, tmux, session);
	snprintf(command->own, sizeof(command->own), "%s", command->shared);
	aim(command, window);
	add(command, "select-window", "-t", command->window, NULL);
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
