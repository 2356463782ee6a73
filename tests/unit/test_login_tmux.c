#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "login/connection.h"
#include "login/plan.h"
#include "login/roster.h"
#include "login/tmux.h"

static void expect_argv(const char *const *argv, const char *const *expected)
{
	for (; *expected; argv++, expected++)
		assert_string_equal(*argv, *expected);
	assert_null(*argv);
}

static void the_first_login_is_one_command(void **state)
{
	static const char *const attach[] = {
		"/usr/bin/tmux", "-u", "new-session", "-A", "-s", "ssh_tmux", NULL};
	static const char *const first[] = {"/t", "-u", "set-option", "-g", "history-limit",
		"50000", ";", "new-session", "-A", "-s", "a", "/va", "login", "welcome", NULL};
	static const char *const exists[] = {"/opt/tmux", "has-session", "-t", "=a b;c", NULL};
	struct tmux_command command;

	(void)state;
	tmux_attach(&command,
		&(struct tmux_login){.tmux = "/usr/bin/tmux", .session = "ssh_tmux", .pid = 7});
	expect_argv(command.argv, attach);
	tmux_attach(&command,
		&(struct tmux_login){
			.tmux = "/t", .session = "a", .long_history = true, .program = "/va"});
	expect_argv(command.argv, first);
	tmux_exists(&command, "/opt/tmux", "a b;c");
	expect_argv(command.argv, exists);
}

static void a_window_is_chosen_before_the_terminal_is_attached(void **state)
{
	static const char *const grouped[] = {"/t", "-u", "new-session", "-d", "-t", "=a:", "-s",
		"a-7", ";", "select-window", "-t", "=a-7:@5", ";", "set-window-option", "-g",
		"aggressive-resize", "on", ";", "attach-session", "-t", "=a-7", ";", "set-option",
		"-t", "=a-7:", "display-time", "4000", ";", "display-message", "hello", ";",
		"set-option", "-u", "-t", "=a-7:", "display-time", NULL};
	static const char *const shared[] = {"/t", "-u", "select-window", "-t", "=a:@5", ";",
		"new-session", "-A", "-s", "a", NULL};
	struct plan plan = {.grouped = true, .window = 5, .old_sizes = true, .message = "hello"};
	const struct tmux_login login = {.tmux = "/t", .session = "a", .plan = &plan, .pid = 7};
	struct tmux_command command;

	(void)state;
	tmux_attach(&command, &login);
	expect_argv(command.argv, grouped);
	plan = (struct plan){.window = 5};
	tmux_attach(&command, &login);
	expect_argv(command.argv, shared);
	plan = (struct plan){
		.grouped = true, .new_window = true, .window = ROSTER_NONE, .leaves = true};
	plan.message[0] = 'x';
	tmux_attach(&command, &login);
	assert_null(command.argv[command.count]);
	assert_string_equal(command.argv[command.count - 1], "display-time");
}

static const char three_windows[] = "C @1 900 1700000000 /dev/pts/0 v3.3a ssh_tmux\n"
				    "C @3 901 1700000009 /dev/pts/4 v3.3a ssh_tmux-901\n"
				    "C @9 902 1700000005 /dev/pts/5 v3.3a my own work\n"
				    "C broken\n"
				    "W @1 0 1 1 500 0 0 train\n"
				    "W @3 1 0 1 501 0 0 #(reboot) 100%\n"
				    "W @4 2 0 1 502 0 0 bash\n"
				    "W @7 3 0 2 503 0 0 vim\n"
				    "W @\n";

static void a_roster_is_read(void **state)
{
	struct roster roster;

	(void)state;
	roster_parse(&roster, three_windows);
	assert_int_equal(roster.client_count, 3);
	assert_int_equal(roster.window_count, 4);
	assert_int_equal(roster.version, 303);
	assert_string_equal(roster.clients[2].session, "my own work");
	assert_string_equal(roster.clients[1].tty, "/dev/pts/4");
	assert_string_equal(roster.windows[1].name, "_(reboot) 100_");
	assert_true(roster.windows[2].may_be_idle);
	assert_false(roster.windows[3].may_be_idle);
	roster_parse(&roster, "C @1 900 1 /dev/pts/0 v2.6 a\n");
	assert_int_equal(roster.version, 206);
	roster_parse(&roster, "C @1 900 1 /dev/pts/0 v x\n");
	assert_int_equal(roster.client_count, 1);
	assert_int_equal(roster.version, 0);
	roster_parse(&roster, "");
	assert_int_equal(roster.window_count, 0);
}

static void a_terminal_gets_a_window_of_its_own(void **state)
{
	struct roster roster;
	struct plan plan;

	(void)state;
	roster_parse(&roster, three_windows);
	plan_make(&roster, "ssh_tmux", ROSTER_NONE, &plan);
	assert_true(plan.grouped && plan.new_window && plan.leaves && !plan.old_sizes);
	assert_string_equal(plan.message, "windows: 0:train* 1:_(reboot) 100_* 2:bash 3:vim "
					  "(*: on another terminal; Ctrl-b w chooses)");
	roster.windows[2].is_idle = true;
	plan_make(&roster, "ssh_tmux", ROSTER_NONE, &plan);
	assert_true(plan.grouped && !plan.new_window);
	assert_int_equal(plan.window, 4);
	plan_make(&roster, "ssh_tmux", 7, &plan);
	assert_int_equal(plan.window, 7);
	/* Somebody looks at it. */
	plan_make(&roster, "ssh_tmux", 1, &plan);
	assert_int_equal(plan.window, 4);
	/* The shared session is free again, and its window. */
	roster.clients[0].is_gone = true;
	plan_make(&roster, "ssh_tmux", ROSTER_NONE, &plan);
	assert_true(!plan.grouped && !plan.new_window && plan.message[0]);
	assert_int_equal(plan.window, 1);
	/* Nobody is left but somebody with a session that has nothing to do with it. */
	roster.clients[1].is_gone = true;
	plan_make(&roster, "ssh_tmux", 3, &plan);
	assert_true(!plan.grouped && !plan.new_window && !plan.message[0]);
	assert_int_equal(plan.window, 3);
}

static void a_job_is_what_runs_and_was_used_last(void **state)
{
	struct roster roster;

	(void)state;
	roster_parse(&roster, three_windows);
	assert_int_equal(plan_find_job(&roster, ROSTER_NONE), 3);
	assert_int_equal(plan_find_job(&roster, 3), 1);
	roster.windows[0].is_idle = roster.windows[1].is_idle = roster.windows[2].is_idle = true;
	assert_int_equal(plan_find_job(&roster, ROSTER_NONE), 7);
	roster.window_count = 1;
	assert_int_equal(plan_find_job(&roster, 1), ROSTER_NONE);
}

static void many_windows_fit_one_line(void **state)
{
	struct buffer text = BUFFER_EMPTY;
	struct roster roster;
	struct plan plan;

	(void)state;
	buffer_add_string(&text, "C @0 9 1 /dev/pts/0 v3.3a a\n");
	for (int i = 0; i < 2 * ROSTER_WINDOWS; i++)
		buffer_add_format(
			&text, "W @%d %d 0 1 1 0 0 a-name-of-a-window-that-is-long-%d\n", i, i, i);
	roster_parse(&roster, buffer_string(&text));
	buffer_free(&text);
	assert_int_equal(roster.window_count, ROSTER_WINDOWS);
	plan_make(&roster, "a", ROSTER_NONE, &plan);
	assert_non_null(strstr(plan.message, " ... (*: on another terminal; Ctrl-b w chooses)"));
	assert_in_range(strlen(plan.message), 300, sizeof(plan.message) - 1);
}

static void expect_state(enum connection_state expected, unsigned retransmits, unsigned probes,
	unsigned unacked, unsigned last)
{
	const struct connection_info info = {
		.retransmits = retransmits, .probes = probes, .unacked = unacked, .last_ack = last};

	assert_int_equal(connection_judge(&info), expected);
}

static void only_evidence_makes_a_connection_dead(void **state)
{
	(void)state;
	expect_state(CONNECTION_ALIVE, 0, 0, 0, 0);
	expect_state(CONNECTION_ALIVE, 2, 0, 5, 1999);
	expect_state(CONNECTION_QUIET, 0, 0, 0, 2000);
	expect_state(CONNECTION_QUIET, 0, 0, 0, 86400000);
	expect_state(CONNECTION_WAITING, 0, 0, 1, 3000);
	expect_state(CONNECTION_WAITING, 2, 0, 1, 3000);
	expect_state(CONNECTION_WAITING, 0, 1, 0, 7200000);
	expect_state(CONNECTION_DEAD, 3, 0, 1, 1500);
	expect_state(CONNECTION_DEAD, 0, 3, 0, 7200000);
	assert_int_equal(connection_look("192.0.2.1 1 192.0.2.2 22"), CONNECTION_UNKNOWN);
	assert_int_equal(connection_look("192.0.2.1 1 ::1 22"), CONNECTION_UNKNOWN);
	assert_int_equal(connection_look("UNKNOWN 65535 UNKNOWN 65535"), CONNECTION_UNKNOWN);
	assert_int_equal(connection_look(""), CONNECTION_UNKNOWN);
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
		cmocka_unit_test(the_first_login_is_one_command),
		cmocka_unit_test(a_window_is_chosen_before_the_terminal_is_attached),
		cmocka_unit_test(a_roster_is_read),
		cmocka_unit_test(a_terminal_gets_a_window_of_its_own),
		cmocka_unit_test(a_job_is_what_runs_and_was_used_last),
		cmocka_unit_test(many_windows_fit_one_line),
		cmocka_unit_test(only_evidence_makes_a_connection_dead),
		cmocka_unit_test(the_socket_is_where_tmux_has_it),
		cmocka_unit_test(an_unknown_terminal_gets_a_near_one),
		cmocka_unit_test(the_environment_is_changed_by_name),
	};

	return cmocka_run_group_tests_name("login_tmux", tests, NULL, NULL);
}
