#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "login/agent_link.h"
#include "login/client.h"
#include "login/facts.h"
#include "login/home_lock.h"
#include "login/procfs.h"
#include "login/server.h"
#include "login/terminal.h"
#include "sys/process.h"

static char directory[64];

static const char *path_of(const char *name)
{
	static char paths[4][128];
	static size_t next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s%s%s", directory, *name ? "/" : "", name);
	return path;
}

static int make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/test_login_system.XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

/* A socket that somebody listens on; returns its descriptor. */
static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

/* Runs check as a child on a new terminal of 24 by 80; its return value is the status. */
static int run_on_terminal(int (*check)(void))
{
	const struct winsize size = {.ws_row = 24, .ws_col = 80};
	char drop[256];
	int terminal, status;
	pid_t pid = forkpty(&terminal, NULL, NULL, &size);

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(check());
	while (read(terminal, drop, sizeof(drop)) > 0)
		continue;
	close(terminal);
	status = process_wait(pid);
	return status;
}

static void parent_argv0(char *name, size_t size)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)getppid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	memset(name, 0, size);
	assert_true(fd >= 0 && read(fd, name, size - 1) > 0);
	close(fd);
}

static int check_facts(void)
{
	char name[sizeof(((struct facts *)0)->parent_argv0)];
	char tty[64], home[96];
	const char *environment[] = {tty, home, "PATH=relative:/usr/bin:/bin", NULL};
	struct facts facts;

	snprintf(tty, sizeof(tty), "SSH_TTY=%s", ttyname(0));
	snprintf(home, sizeof(home), "HOME=%s", directory);
	facts_gather(&facts, environment);
	if (!facts.decision.is_terminal[0] || !facts.decision.is_terminal[2])
		return 1;
	if (facts.decision.rows != 24 || facts.decision.columns != 80)
		return 2;
	if (!facts.decision.is_ssh_tty || facts.decision.opt_out != OPT_OUT_ABSENT)
		return 3;
	/* The parent is this test program, or valgrind. */
	parent_argv0(name, sizeof(name));
	if (!facts.decision.parent_argv0 || strcmp(facts.decision.parent_argv0, name) != 0)
		return 4;
	strcpy(tty, "SSH_TTY=/dev/null");
	facts_gather(&facts, environment);
	if (facts.decision.is_ssh_tty || !facts.decision.grandparent)
		return 5;
	close(1);
	facts_gather(&facts, environment);
	return facts.decision.is_terminal[1] ? 6 : 0;
}

static void facts_of_a_real_terminal(void **state)
{
	(void)state;
	assert_int_equal(run_on_terminal(check_facts), 0);
}

static enum opt_out opt_out_in(const char *home)
{
	char variable[128];
	const char *environment[] = {variable, NULL};
	struct facts facts;

	snprintf(variable, sizeof(variable), "HOME=%s", home);
	facts_gather(&facts, environment);
	return facts.decision.opt_out;
}

static void the_opt_out_counts_in_any_form(void **state)
{
	(void)state;
	assert_int_equal(opt_out_in(directory), OPT_OUT_ABSENT);
	assert_int_equal(symlink("/nowhere", path_of(".no_auto_tmux")), 0);
	assert_int_equal(opt_out_in(directory), OPT_OUT_PRESENT);
	assert_int_equal(unlink(path_of(".no_auto_tmux")), 0);
	assert_int_equal(mkdir(path_of(".no_auto_tmux"), 0), 0);
	assert_int_equal(opt_out_in(directory), OPT_OUT_PRESENT);
	assert_int_equal(rmdir(path_of(".no_auto_tmux")), 0);
	assert_int_equal(opt_out_in("relative"), OPT_OUT_UNKNOWN);
	assert_int_equal(opt_out_in(""), OPT_OUT_UNKNOWN);
	assert_int_equal(opt_out_in("/dev/null"), OPT_OUT_UNKNOWN);
	assert_int_equal(opt_out_in("/no/such/home"), OPT_OUT_ABSENT);
}

static void tmux_is_found_in_absolute_directories(void **state)
{
	char variable[256];
	const char *environment[] = {variable, NULL};
	struct facts facts;
	int fd;

	(void)state;
	assert_int_equal(mkdir(path_of("bin"), 0755), 0);
	fd = open(path_of("bin/tmux"), O_CREAT | O_WRONLY, 0755);
	close(fd);
	snprintf(variable, sizeof(variable), "PATH=/no/such:.::%s", path_of("bin"));
	facts_gather(&facts, environment);
	assert_string_equal(facts.decision.tmux_path, path_of("bin/tmux"));
	assert_int_equal(chmod(path_of("bin/tmux"), 0644), 0);
	facts_gather(&facts, environment);
	assert_true(!facts.decision.tmux_path ||
		    strcmp(facts.decision.tmux_path, path_of("bin/tmux")) != 0);
}

static void terminals_are_looked_up_in_terminfo(void **state)
{
	char own[128];
	const char *const none[] = {NULL};
	const char *environment[] = {own, NULL};

	(void)state;
	assert_true(facts_knows_terminal("xterm-256color", none));
	assert_false(facts_knows_terminal("xterm-ghostty-no-such", none));
	assert_false(facts_knows_terminal("", none));
	assert_false(facts_knows_terminal("../x/xterm", none));
	assert_false(facts_knows_terminal(".", none));
	assert_int_equal(mkdir(path_of("78"), 0755), 0);
	close(open(path_of("78/xmine"), O_CREAT | O_WRONLY, 0644));
	snprintf(own, sizeof(own), "TERMINFO_DIRS=/no:%s", directory);
	assert_true(facts_knows_terminal("xmine", environment));
	snprintf(own, sizeof(own), "TERMINFO=%s", directory);
	assert_true(facts_knows_terminal("xmine", environment));
	assert_false(facts_knows_terminal("xmine", none));
}

static void processes_are_read_whatever_their_name(void **state)
{
	struct procfs_process process;
	int ends[2], status;
	char go;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		int fd = open("/proc/self/comm", O_WRONLY);

		/* Shaped like the fields behind it. */
		_exit(write(fd, ") Z 7 (", 7) == 7 && write(ends[1], "x", 1) == 1 ? pause() : 1);
	}
	assert_int_equal(read(ends[0], &go, 1), 1);
	assert_int_equal(procfs_look(pid, &process), 0);
	assert_int_equal(process.parent, getpid());
	assert_true(strchr("SR", process.state) != NULL);
	assert_true(process.started > 0);
	kill(pid, SIGKILL);
	status = process_wait(pid);
	assert_int_equal(status, 128 + SIGKILL);
	assert_int_equal(procfs_look(pid, &process), -1);
	close(ends[0]);
	close(ends[1]);
}

static void the_server_is_seen_without_waiting(void **state)
{
	pid_t pid = 0;
	int fd;

	(void)state;
	assert_int_equal(server_look(path_of("none"), 1000, &pid), SERVER_ABSENT);
	fd = listen_at(path_of("server"));
	assert_int_equal(
		server_look(path_of("server"), 1000LL * 3600 * 24 * 365, &pid), SERVER_STARTING);
	assert_int_equal(pid, getpid());
	assert_int_equal(server_look(path_of("server"), 0, &pid), SERVER_SILENT);
	assert_true(server_exists(path_of("server")));
	assert_false(server_exists(path_of("none")));
	/* tmux's sign that a terminal is attached. */
	assert_int_equal(chmod(path_of("server"), 0660), 0);
	assert_false(server_is_attended(path_of("server")));
	assert_int_equal(chmod(path_of("server"), 0770), 0);
	assert_true(server_is_attended(path_of("server")));
	assert_false(server_is_attended(path_of("none")));
	assert_false(server_is_attended(directory));
	close(fd);
	assert_false(server_exists(path_of("server")));
	assert_int_equal(server_look(path_of("server"), 0, &pid), SERVER_SILENT);
	pid = 0;
	assert_int_equal(server_look(path_of("server"), 1000, &pid), SERVER_ABSENT);
}

static void a_stopped_server_is_seen(void **state)
{
	int ends[2], status;
	char go;
	pid_t pid, listener = 0;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		listen_at(path_of("stopped"));
		_exit(write(ends[1], "x", 1) == 1 ? pause() : 1);
	}
	assert_int_equal(read(ends[0], &go, 1), 1);
	kill(pid, SIGSTOP);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_int_equal(server_look(path_of("stopped"), 1000000, &listener), SERVER_STOPPED);
	assert_int_equal(listener, pid);
	kill(pid, SIGKILL);
	process_wait(pid);
	close(ends[0]);
	close(ends[1]);
}

static void expect_link(const char *target)
{
	char now[128] = "";

	assert_true(readlink(path_of(".ssh/agent.sock"), now, sizeof(now) - 1) > 0);
	assert_string_equal(now, target);
}

static void the_agents_link_follows_the_newest(void **state)
{
	char out[128];
	int one = listen_at(path_of("one")), two = listen_at(path_of("two"));

	(void)state;
	assert_int_equal(agent_link_update(directory, path_of("one"), out, sizeof(out)), -1);
	assert_int_equal(mkdir(path_of(".ssh"), 0700), 0);
	assert_int_equal(agent_link_update(directory, path_of("one"), out, sizeof(out)), 0);
	assert_string_equal(out, path_of(".ssh/agent.sock"));
	expect_link(path_of("one"));
	assert_int_equal(agent_link_update(directory, path_of("two"), out, sizeof(out)), 0);
	expect_link(path_of("two"));
	/* The link itself, no socket, no path: all leave it as it is. */
	assert_int_equal(agent_link_update(directory, out, out, sizeof(out)), -1);
	assert_int_equal(agent_link_update(directory, "/etc/passwd", out, sizeof(out)), -1);
	assert_int_equal(agent_link_update(directory, "two", out, sizeof(out)), -1);
	assert_int_equal(agent_link_update(directory, path_of("one"), out, 8), -1);
	expect_link(path_of("two"));
	close(one);
	close(two);
}

static void somebodys_own_file_is_not_replaced(void **state)
{
	char out[128];
	struct stat status;
	int own, one;

	(void)state;
	assert_int_equal(unlink(path_of(".ssh/agent.sock")), 0);
	assert_int_equal(unlink(path_of("one")), 0);
	own = listen_at(path_of(".ssh/agent.sock"));
	one = listen_at(path_of("one"));
	assert_int_equal(agent_link_update(directory, path_of("one"), out, sizeof(out)), -1);
	assert_int_equal(lstat(path_of(".ssh/agent.sock"), &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	close(own);
	close(one);
}

static int check_terminal(void)
{
	struct terminal terminal, other;
	struct termios modes;

	terminal_save(&terminal);
	if (!terminal.is_saved || terminal_is_raw())
		return 1;
	modes = terminal.modes;
	cfmakeraw(&modes);
	tcsetattr(0, TCSANOW, &modes);
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
	if (!terminal_is_raw())
		return 2;
	/* A second program that finds it raw would not see tmux's change. */
	terminal_save(&other);
	if (terminal_is_raw())
		return 3;
	terminal_restore(&other, false);
	if (!terminal_is_raw())
		return 4;
	terminal_restore(&terminal, true);
	if (terminal_is_raw() || (fcntl(0, F_GETFL) & O_NONBLOCK))
		return 5;
	return tcgetattr(0, &modes) == 0 && modes.c_oflag == terminal.modes.c_oflag ? 0 : 6;
}

static void the_terminal_is_put_back(void **state)
{
	(void)state;
	assert_int_equal(run_on_terminal(check_terminal), 0);
}

/* Runs a shell script in the client's place; fills in the reason, returns .finished. */
static bool run_client(const char *script, char *reason)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
	const struct client_request request = {
		.argv = argv, .environment = environment, .lock = home_lock(directory)};
	struct client_outcome outcome;

	client_run(&request, &outcome);
	strcpy(reason, outcome.reason);
	return outcome.finished;
}

static int check_outcomes(void)
{
	char reason[256];

	if (run_client("exit 0", reason) || !strstr(reason, "without showing"))
		return 1;
	if (run_client("exit 1", reason) || !strstr(reason, "could not show"))
		return 2;
	if (run_client("kill -SEGV $$", reason) || !strstr(reason, "killed"))
		return 3;
	if (run_client("stty raw -echo; sleep 0.1; exit 0", reason) ||
		!strstr(reason, "within a second"))
		return 4;
	if (terminal_is_raw())
		return 5;
	if (run_client("stty raw -echo; sleep 1.1; exit 1", reason) || !strstr(reason, "broke off"))
		return 6;
	if (run_client("exec /no/such/tmux 2>/dev/null", reason) || !strstr(reason, "not run"))
		return 7;
	if (!run_client("stty raw -echo; sleep 1.1; stty sane; exit 0", reason) || *reason)
		return 8;
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : 9;
}

static void only_a_used_session_logs_out(void **state)
{
	(void)state;
	assert_int_equal(run_on_terminal(check_outcomes), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_of_a_real_terminal),
		cmocka_unit_test(the_opt_out_counts_in_any_form),
		cmocka_unit_test(tmux_is_found_in_absolute_directories),
		cmocka_unit_test(terminals_are_looked_up_in_terminfo),
		cmocka_unit_test(processes_are_read_whatever_their_name),
		cmocka_unit_test(the_server_is_seen_without_waiting),
		cmocka_unit_test(a_stopped_server_is_seen),
		cmocka_unit_test(the_agents_link_follows_the_newest),
		cmocka_unit_test(somebodys_own_file_is_not_replaced),
		cmocka_unit_test(the_terminal_is_put_back),
		cmocka_unit_test(only_a_used_session_logs_out),
	};

	return cmocka_run_group_tests_name("login_system", tests, make_directory, remove_directory);
}
