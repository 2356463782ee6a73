#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "sys/process.h"

/* Runs a script; *output is what it printed. */
static int shell(const char *script, int deadline_ms, size_t limit, struct buffer *output,
	struct error *error)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	int result;

	*error = (struct error){0};
	result = process_capture(argv, NULL, deadline_ms, limit, output, error);
	/* No child is left, whatever happened. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return result;
}

static void check(const char *script, int status, const char *expected)
{
	struct buffer output = BUFFER_EMPTY;
	struct error error;

	assert_int_equal(shell(script, 20000, 65536, &output, &error), status);
	assert_string_equal(buffer_string(&output), expected);
	buffer_free(&output);
}

static void output_and_status_are_returned(void **state)
{
	(void)state;
	check("echo a; echo b", 0, "a\nb\n");
	check("echo a; exit 7", 7, "a\n");
	check("exit 255", 255, "");
	check("kill -TERM $$", 128 + SIGTERM, "");
	check("kill -KILL $$", 128 + SIGKILL, "");
	check("echo hidden >&2", 0, "");
	check("cat", 0, ""); /* its input is empty */
	check("echo $HOME$USER$LC_ALL", 0, "C\n");
}

static void output_is_appended(void **state)
{
	struct buffer output = BUFFER_EMPTY;
	struct error error;

	(void)state;
	assert_int_equal(shell("printf a", 20000, 1, &output, &error), 0);
	assert_int_equal(shell("printf b", 20000, 1, &output, &error), 0);
	assert_string_equal(buffer_string(&output), "ab");
	buffer_free(&output);
}

static void the_environment_is_the_given_one(void **state)
{
	const char *const argv[] = {"/usr/bin/env", NULL}, *const envp[] = {"A=b", NULL};
	struct buffer output = BUFFER_EMPTY;

	(void)state;
	assert_int_equal(process_capture(argv, envp, 20000, 1024, &output, NULL), 0);
	assert_string_equal(buffer_string(&output), "A=b\n");
	buffer_free(&output);
}

static void a_program_that_is_not_there(void **state)
{
	const char *const argv[] = {"/no/such/program", NULL};
	struct buffer output = BUFFER_EMPTY;

	(void)state;
	assert_int_equal(process_capture(argv, NULL, 20000, 1024, &output, NULL), 127);
	buffer_free(&output);
}

static void check_ends(const char *script, enum error_code code)
{
	struct buffer output = BUFFER_EMPTY;
	struct error error;
	long long before = process_now_ms();

	assert_int_equal(shell(script, 300, 100, &output, &error), -1);
	assert_int_equal(error.code, code);
	assert_true(process_now_ms() - before < 10000);
	assert_true(output.length <= 100);
	buffer_free(&output);
}

static void what_hangs_is_ended(void **state)
{
	(void)state;
	check_ends("exec sleep 60", ERROR_TIMEOUT);
	check_ends("exec sleep 60 >&-", ERROR_TIMEOUT);
	check_ends("trap '' TERM INT; while :; do :; done", ERROR_TIMEOUT);
}

static void too_much_output_is_refused(void **state)
{
	(void)state;
	check_ends("head -c 101 /dev/zero", ERROR_TOO_LARGE);
	check_ends("exec cat /dev/zero", ERROR_TOO_LARGE);
}

static void no_descriptor_is_handed_down(void **state)
{
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	assert_true(fd >= 0);
	/* The last one is ls's own, of that directory. */
	check("exec ls /proc/self/fd", 0, "0\n1\n2\n3\n");
	close(fd);
}

static void no_signal_stays_ignored_or_blocked(void **state)
{
	sigset_t all;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	check("grep -E 'Sig(Blk|Ign)' /proc/$$/status | tr -d '\\t'", 0,
		"SigBlk:0000000000000000\nSigIgn:0000000000000000\n");
	sigemptyset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGPIPE, SIG_DFL);
}

static void nothing_is_left_open(void **state)
{
	int first = dup(0), second;

	(void)state;
	close(first);
	check("true", 0, "");
	check_ends("exec sleep 60", ERROR_TIMEOUT);
	second = dup(0);
	close(second);
	assert_int_equal(first, second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_status_are_returned),
		cmocka_unit_test(output_is_appended),
		cmocka_unit_test(the_environment_is_the_given_one),
		cmocka_unit_test(a_program_that_is_not_there),
		cmocka_unit_test(what_hangs_is_ended),
		cmocka_unit_test(too_much_output_is_refused),
		cmocka_unit_test(no_descriptor_is_handed_down),
		cmocka_unit_test(no_signal_stays_ignored_or_blocked),
		cmocka_unit_test(nothing_is_left_open),
	};

	return cmocka_run_group_tests_name("sys/process", tests, NULL, NULL);
}
