#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "login/decision.h"

#define MAX 16

static const char *const person[] = {"SSH_CONNECTION=203.0.113.7 50112 10.0.0.2 22",
	"SSH_TTY=/dev/pts/0", "TERM=xterm-256color", "HOME=/root", NULL};

static struct decision_facts facts_of_a_person(void)
{
	return (struct decision_facts){
		.is_terminal = {true, true, true},
		.environment = person,
		.parent_argv0 = "-bash",
		.is_ssh_tty = true,
		.rows = 24,
		.columns = 80,
		.opt_out = OPT_OUT_ABSENT,
		.enabled = true,
		.tmux_path = "/usr/bin/tmux",
	};
}

static void expect(const struct decision_facts *facts, const char *rule)
{
	struct decision decision;

	decision_make(facts, &decision);
	assert_string_equal(decision.rule, rule);
	assert_int_equal(decision.attach, strcmp(rule, "all") == 0);
	assert_true(strlen(decision.reason) > 10);
	assert_true(strlen(decision.reason) < sizeof(decision.reason) - 1);
}

/* The person's environment with one variable more, or another value for it. */
static void expect_with(const char *variable, const char *rule)
{
	const char *environment[MAX] = {variable};
	size_t length = strcspn(variable, "="), n = 1;
	struct decision_facts facts = facts_of_a_person();

	for (const char *const *entry = person; *entry; entry++)
		if (strncmp(*entry, variable, length) != 0 || (*entry)[length] != '=')
			environment[n++] = *entry;
	facts.environment = environment;
	expect(&facts, rule);
}

static void a_person_is_attached(void **state)
{
	struct decision_facts facts = facts_of_a_person();

	(void)state;
	expect(&facts, "all");
}

static void each_stream_must_be_a_terminal(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct decision_facts facts = facts_of_a_person();

		facts.is_terminal[i] = false;
		expect(&facts, "terminal");
	}
}

static void only_ssh_logins_count(void **state)
{
	static const char *const none[] = {"TERM=xterm", NULL};
	static const char *const other[] = {"SSH_CONNECTIONS=1 2 3 4", "TERM=xterm", NULL};
	struct decision_facts facts = facts_of_a_person();

	(void)state;
	facts.environment = none;
	expect(&facts, "ssh");
	facts.environment = other;
	expect(&facts, "ssh");
	expect_with("SSH_CONNECTION=", "ssh");
}

static void variables_keep_tmux_away(void **state)
{
	static const char *const names[] = {"TMUX", "STY", "ZELLIJ", "INSIDE_EMACS",
		"SSH_ORIGINAL_COMMAND", "LC_NO_TMUX", "NO_AUTO_TMUX"};
	char variable[64];
	struct decision decision;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *environment[] = {variable, person[0], person[1], person[2], NULL};
		struct decision_facts facts = facts_of_a_person();

		strcpy(variable, names[i]);
		strcat(variable, "=1");
		facts.environment = environment;
		expect(&facts, "environment");
		decision_make(&facts, &decision);
		assert_non_null(strstr(decision.reason, names[i]));
		/* Cleared, as in `TMUX= ssh host`. */
		strcpy(variable, names[i]);
		strcat(variable, "=");
		expect(&facts, "all");
	}
	expect_with("TMUXINATOR=1", "all");
}

static void terminals_of_editors_are_plain(void **state)
{
	(void)state;
	expect_with("VSCODE_IPC_HOOK_CLI=/tmp/x.sock", "editor");
	expect_with("VSCODE_INJECTION=1", "editor");
	expect_with("VSCODE_INJECTION=", "all");
	expect_with("TERM_PROGRAM=vscode", "editor");
	expect_with("TERM_PROGRAM=iTerm.app", "all");
	expect_with("TERMINAL_EMULATOR=JetBrains-JediTerm", "editor");
}

static void only_a_login_shell_counts(void **state)
{
	static const char *const others[] = {
		"bash", "/bin/bash", "bash -l", "sh", "", "sudo", NULL};
	struct decision_facts facts = facts_of_a_person();

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		facts.parent_argv0 = others[i];
		expect(&facts, "login-shell");
	}
	facts.parent_argv0 = "-zsh";
	expect(&facts, "all");
}

static void the_terminal_is_the_one_of_ssh(void **state)
{
	struct decision_facts facts = facts_of_a_person();

	(void)state;
	facts.is_ssh_tty = false;
	expect(&facts, "ssh-terminal");
	facts.grandparent = "sshd";
	expect(&facts, "ssh-terminal");
	facts.grandparent = "mosh-server-x";
	expect(&facts, "ssh-terminal");
	facts.grandparent = "mosh-server";
	expect(&facts, "all");
}

static void a_terminal_without_size_has_no_viewer(void **state)
{
	struct decision_facts facts = facts_of_a_person();

	(void)state;
	facts.rows = facts.columns = 0;
	expect(&facts, "window");
	facts.columns = 80;
	expect(&facts, "window");
	facts.rows = 1;
	expect(&facts, "all");
}

static void terminals_of_programs_are_plain(void **state)
{
	static const char *const plain[] = {"TERM=", "TERM=dumb", "TERM=unknown", "TERM=vt100",
		"TERM=vt102", "TERM=vt220", "TERM=ansi", "TERM=network", "TERM=emacs"};
	static const char *const real[] = {"TERM=xterm", "TERM=xterm-ghostty", "TERM=foot",
		"TERM=xterm-kitty", "TERM=linux", "TERM=eterm-color", "TERM=vt320"};
	static const char *const none[] = {"SSH_CONNECTION=a 1 b 2", NULL};
	struct decision_facts facts = facts_of_a_person();

	(void)state;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		expect_with(plain[i], "term");
	for (size_t i = 0; i < sizeof(real) / sizeof(real[0]); i++)
		expect_with(real[i], "all");
	facts.environment = none;
	expect(&facts, "term");
}

static void the_users_word_counts(void **state)
{
	struct decision_facts facts = facts_of_a_person();

	(void)state;
	facts.opt_out = OPT_OUT_PRESENT;
	expect(&facts, "opt-out");
	facts.opt_out = OPT_OUT_UNKNOWN;
	expect(&facts, "home");
}

static void expect_connection(const char *term, const char *connection, const char *rule)
{
	const char *environment[] = {term, connection, NULL};
	struct decision_facts facts = facts_of_a_person();

	facts.environment = environment;
	expect(&facts, rule);
}

static void a_loop_through_tmux_is_cut(void **state)
{
	(void)state;
	expect_connection("TERM=tmux-256color", "SSH_CONNECTION=127.0.0.1 5 127.0.0.1 22", "loop");
	expect_connection("TERM=screen", "SSH_CONNECTION=::1 5 ::1 22", "loop");
	expect_connection(
		"TERM=screen.xterm-256color", "SSH_CONNECTION=10.0.0.2 5 10.0.0.2 22", "loop");
	expect_connection("TERM=tmux-256color", "SSH_CONNECTION=10.0.0.1 5 10.0.0.2 22", "all");
	expect_connection("TERM=tmux-256color", "SSH_CONNECTION=10.0.0.1 5 10.0.0.10 22", "all");
	expect_connection("TERM=tmux-256color", "SSH_CONNECTION=10.0.0.10 5 10.0.0.1 22", "all");
	expect_connection("TERM=xterm", "SSH_CONNECTION=127.0.0.1 5 127.0.0.1 22", "all");
	/* Nothing a server would write, but nothing to fall over, either. */
	expect_connection("TERM=tmux", "SSH_CONNECTION=x", "all");
	expect_connection("TERM=tmux", "SSH_CONNECTION=x y", "all");
	expect_connection("TERM=tmux", "SSH_CONNECTION=x y x", "all");
}

static void configuration_and_tmux_come_last(void **state)
{
	struct decision_facts facts = facts_of_a_person();
	struct decision decision;

	(void)state;
	facts.tmux_path = NULL;
	expect(&facts, "tmux");
	facts.tmux_get = "apk add tmux";
	expect(&facts, "tmux");
	decision_make(&facts, &decision);
	assert_non_null(strstr(decision.reason, ": apk add tmux"));
	facts.enabled = false;
	expect(&facts, "configuration");
	facts.opt_out = OPT_OUT_PRESENT;
	expect(&facts, "opt-out");
	facts.is_terminal[0] = false;
	expect(&facts, "terminal");
}

/* Rows of the table of sessions that differ from a person's login in several facts. */
static void sessions_of_tools_are_plain(void **state)
{
	static const char *const vscode[] = {
		"SSH_CONNECTION=a 1 b 2", "TERM=xterm-256color", "TERM_PROGRAM=vscode", NULL};
	static const char *const sudo[] = {"TERM=xterm-256color", NULL};
	struct decision_facts facts = facts_of_a_person();

	(void)state;
	facts.environment = vscode;
	facts.parent_argv0 = "bash";
	facts.is_ssh_tty = false;
	expect(&facts, "editor");
	facts = facts_of_a_person();
	facts.environment = sudo;
	facts.is_ssh_tty = false;
	expect(&facts, "ssh");
	facts = facts_of_a_person();
	facts.parent_argv0 = "bash"; /* SkyPilot: bash --login -c -i, not named "-bash" */
	expect(&facts, "login-shell");
}

static void variables_are_found_by_their_whole_name(void **state)
{
	static const char *const environment[] = {"TERMINFO=a", "TERM=b", "EMPTY=", "TERM=c", NULL};

	(void)state;
	assert_string_equal(decision_variable(environment, "TERM"), "b");
	assert_string_equal(decision_variable(environment, "EMPTY"), "");
	assert_null(decision_variable(environment, "TER"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_person_is_attached),
		cmocka_unit_test(each_stream_must_be_a_terminal),
		cmocka_unit_test(only_ssh_logins_count),
		cmocka_unit_test(variables_keep_tmux_away),
		cmocka_unit_test(terminals_of_editors_are_plain),
		cmocka_unit_test(only_a_login_shell_counts),
		cmocka_unit_test(the_terminal_is_the_one_of_ssh),
		cmocka_unit_test(a_terminal_without_size_has_no_viewer),
		cmocka_unit_test(terminals_of_programs_are_plain),
		cmocka_unit_test(the_users_word_counts),
		cmocka_unit_test(a_loop_through_tmux_is_cut),
		cmocka_unit_test(configuration_and_tmux_come_last),
		cmocka_unit_test(sessions_of_tools_are_plain),
		cmocka_unit_test(variables_are_found_by_their_whole_name),
	};

	return cmocka_run_group_tests_name("login_decision", tests, NULL, NULL);
}
