#include "login/decision.h"

#include <stdio.h>
#include <string.h>

/*
 * A rule fails by returning true; it may then set *detail, a word of the environment
 * or of this file that is printed after the reason.
 */
struct rule {
	const char *name;
	bool (*fails)(const struct decision_facts *facts, const char **detail);
	const char *reason;
};

static const char *value_of(const char *entry, const char *name)
{
	size_t length = strlen(name);

	return strncmp(entry, name, length) == 0 && entry[length] == '=' ? entry + length + 1
									 : NULL;
}

const char *decision_variable(const char *const *environment, const char *name)
{
	const char *value;

	for (; *environment; environment++)
		if ((value = value_of(*environment, name)))
			return value;
	return NULL;
}

/* An empty variable says nothing: `TMUX= command` is how people clear one. */
static const char *variable(const struct decision_facts *facts, const char *name)
{
	const char *value = decision_variable(facts->environment, name);

	return value ? value : "";
}

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool lacks_terminal(const struct decision_facts *facts, const char **detail)
{
	static const char *const names[3] = {"input", "output", "error"};

	for (int i = 2; i >= 0; i--)
		if (!facts->is_terminal[i])
			*detail = names[i];
	return *detail != NULL;
}

static bool lacks_ssh(const struct decision_facts *facts, const char **detail)
{
	(void)detail;
	return !*variable(facts, "SSH_CONNECTION");
}

static bool is_told_not_to(const struct decision_facts *facts, const char **detail)
{
	static const char *const names[] = {"TMUX", "STY", "ZELLIJ", "INSIDE_EMACS",
		"SSH_ORIGINAL_COMMAND", "LC_NO_TMUX", "NO_AUTO_TMUX"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (*variable(facts, names[i])) {
			*detail = names[i];
			return true;
		}
	return false;
}

/* The terminals of editors, which keep their shells alive themselves. */
static bool is_in_editor(const struct decision_facts *facts, const char **detail)
{
	const char *const *entry;
	const char *value;

	if (strcmp(variable(facts, "TERM_PROGRAM"), "vscode") == 0)
		*detail = "TERM_PROGRAM";
	if (has_prefix(variable(facts, "TERMINAL_EMULATOR"), "JetBrains"))
		*detail = "TERMINAL_EMULATOR";
	for (entry = facts->environment; *entry && !*detail; entry++)
		if (has_prefix(*entry, "VSCODE_") && (value = strchr(*entry, '=')) && value[1])
			*detail = "VSCODE_*";
	return *detail != NULL;
}

/* sshd, dropbear and mosh mark a login shell so; `bash -l`, editors and Jupyter do not. */
static bool is_not_login_shell(const struct decision_facts *facts, const char **detail)
{
	(void)detail;
	return !facts->parent_argv0 || facts->parent_argv0[0] != '-';
}

/* A terminal opened below an SSH session inherits SSH_TTY, but is another one. */
static bool is_other_terminal(const struct decision_facts *facts, const char **detail)
{
	bool is_mosh = facts->grandparent && strcmp(facts->grandparent, "mosh-server") == 0;

	(void)detail;
	return !facts->is_ssh_tty && !is_mosh;
}

static bool lacks_size(const struct decision_facts *facts, const char **detail)
{
	(void)detail;
	return facts->rows == 0 || facts->columns == 0;
}

static bool is_unsuitable(const struct decision_facts *facts, const char **detail)
{
	static const char *const names[] = {
		"", "dumb", "unknown", "vt100", "vt102", "vt220", "ansi", "network", "emacs"};
	const char *term = variable(facts, "TERM");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(term, names[i]) == 0) {
			*detail = *term ? names[i] : "(not set)";
			return true;
		}
	return false;
}

static bool has_opted_out(const struct decision_facts *facts, const char **detail)
{
	(void)detail;
	return facts->opt_out == OPT_OUT_PRESENT;
}

static bool may_have_opted_out(const struct decision_facts *facts, const char **detail)
{
	(void)detail;
	return facts->opt_out != OPT_OUT_ABSENT;
}

/*
 * SSH_CONNECTION is "client port server port" (ssh(1)). tmux inside tmux on the same
 * server shows itself in itself without end.
 */
static bool is_loop(const struct decision_facts *facts, const char **detail)
{
	const char *term = variable(facts, "TERM");
	const char *client = variable(facts, "SSH_CONNECTION");
	const char *server = strchr(client, ' ');
	size_t length = server ? (size_t)(server - client) : 0;

	(void)detail;
	if (!has_prefix(term, "tmux") && !has_prefix(term, "screen"))
		return false;
	server = server ? strchr(server + 1, ' ') : NULL;
	return server && strncmp(client, server + 1, length) == 0 && server[1 + length] == ' ';
}

static bool is_disabled(const struct decision_facts *facts, const char **detail)
{
	(void)detail;
	return !facts->enabled;
}

static bool lacks_tmux(const struct decision_facts *facts, const char **detail)
{
	if (facts->tmux_path)
		return false;
	*detail = facts->tmux_get;
	return true;
}

static const struct rule rules[] = {
	{"terminal", lacks_terminal, "a standard stream is not a terminal"},
	{"ssh", lacks_ssh, "SSH_CONNECTION is not set, so this is not an SSH login"},
	{"environment", is_told_not_to, "a variable that keeps tmux away is set"},
	{"editor", is_in_editor, "this is the terminal of an editor"},
	{"login-shell", is_not_login_shell, "the parent process is not a login shell"},
	{"ssh-terminal", is_other_terminal,
		"the terminal is not the one that the SSH server opened (SSH_TTY)"},
	{"window", lacks_size, "the terminal has no size, so nobody is looking at it"},
	{"term", is_unsuitable, "TERM names a terminal that tmux is not used on"},
	{"opt-out", has_opted_out, "~/.no_auto_tmux exists ('vastagent login on' removes it)"},
	{"home", may_have_opted_out, "the home directory cannot be read"},
	{"loop", is_loop, "this is an SSH from this machine to itself, inside tmux"},
	{"configuration", is_disabled, "the configuration says 'tmux = no' under [login]"},
	{"tmux", lacks_tmux, "there is no tmux program; install it with the package manager"},
};

void decision_make(const struct decision_facts *facts, struct decision *decision)
{
	const struct rule *rule;
	const char *detail = NULL;

	for (rule = rules; rule < rules + sizeof(rules) / sizeof(rules[0]); rule++) {
		if (!rule->fails(facts, &detail))
			continue;
		decision->attach = false;
		decision->rule = rule->name;
		snprintf(decision->reason, sizeof(decision->reason), "%s%s%s", rule->reason,
			detail ? ": " : "", detail ? detail : "");
		return;
	}
	decision->attach = true;
	decision->rule = "all";
	snprintf(decision->reason, sizeof(decision->reason),
		"this is a person's login by SSH, and tmux is there");
}
