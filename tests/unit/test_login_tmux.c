#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "login/decision.h"
#include "login/tmux.h"

static void expect_argv(const char *const *argv, const char *const *expected)
{
	for (; *expected; argv++, expected++)
		assert_string_equal(*argv, *expected);
	assert_null(*argv);
}

static void command_lines_are_arrays(void **state)
{
	static const char *const attach[] = {
		"/usr/bin/tmux", "-u", "new-session", "-A", "-s", "ssh_tmux", NULL};
	static const char *const exists[] = {"/opt/tmux", "has-session", "-t", "=a b;c", NULL};
	const char *argv[TMUX_ARGV_MAX];

	(void)state;
	tmux_attach_argv(argv, "/usr/bin/tmux", "ssh_tmux");
	expect_argv(argv, attach);
	tmux_exists_argv(argv, "/opt/tmux", "=a b;c");
	expect_argv(argv, exists);
}

static void the_socket_is_where_tmux_has_it(void **state)
{
	char path[64];

	(void)state;
	assert_int_equal(tmux_socket_path(path, sizeof(path), NULL, 0), 0);
	assert_string_equal(path, "/tmp/tmux-0/default");
	assert_int_equal(tmux_socket_path(path, sizeof(path), "", 1001), 0);
	assert_string_equal(path, "/tmp/tmux-1001/default");
	assert_int_equal(tmux_socket_path(path, sizeof(path), "/var/tmp", 4294967295U), 0);
	assert_string_equal(path, "/var/tmp/tmux-4294967295/default");
	assert_int_equal(tmux_socket_path(path, 10, NULL, 0), -1);
}

/* What terminfo knows is here what stands in the "environment". */
static bool is_listed(const char *term, const char *const *known)
{
	for (; *known; known++)
		if (strcmp(*known, term) == 0)
			return true;
	return false;
}

static void expect_term(const char *first, const char *second, const char *expected)
{
	const char *const known[] = {first, second, NULL};

	assert_string_equal(tmux_choose_term("xterm-ghostty", is_listed, known), expected);
}

static void an_unknown_terminal_gets_a_near_one(void **state)
{
	(void)state;
	expect_term("xterm-256color", "xterm-ghostty", "xterm-ghostty");
	expect_term("xterm", "xterm-256color", "xterm-256color");
	expect_term("screen", "xterm", "xterm");
	expect_term("screen", "vt100", "screen");
	expect_term("vt100", "linux", "xterm-ghostty");
}

static void the_environment_is_changed_by_name(void **state)
{
	static const char *const environment[] = {
		"TERMINFO=x", "TERM=a", "HOME=/root", "TERM=b", NULL};
	static const char *const changes[] = {"TERM=c", "SSH_AUTH_SOCK=/s", NULL};
	static const char *const expected[] = {
		"TERMINFO=x", "HOME=/root", "TERM=c", "SSH_AUTH_SOCK=/s", NULL};
	static const char *const none[] = {NULL};
	const char **copy = tmux_environment(environment, changes);

	(void)state;
	expect_argv(copy, expected);
	free(copy);
	copy = tmux_environment(environment, none);
	expect_argv(copy, environment);
	free(copy);
	copy = tmux_environment(none, none);
	assert_null(copy[0]);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines_are_arrays),
		cmocka_unit_test(the_socket_is_where_tmux_has_it),
		cmocka_unit_test(an_unknown_terminal_gets_a_near_one),
		cmocka_unit_test(the_environment_is_changed_by_name),
	};

	return cmocka_run_group_tests_name("login_tmux", tests, NULL, NULL);
}
