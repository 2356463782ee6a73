/* What the command line works out by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/nearest.h"

static const char *nearest_to(const char *word)
{
	static const char *const words[] = {"addkey", "rmkey", "keys", "undo", "sync", "doctor",
		"sessions", "forwards", "services", "events", "env", "status", "start", "stop",
		"pause", "resume", "reload", "hostkeys", "ssh-config", "version", "platform-bytes"};
	struct nearest nearest = {.word = word};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		nearest_try(&nearest, words[i]);
	return nearest.best ? nearest.best : "";
}

static void slips_are_understood(void **state)
{
	(void)state;
	assert_string_equal(nearest_to("adkey"), "addkey");
	assert_string_equal(nearest_to("addkye"), "addkey");
	assert_string_equal(nearest_to("add-key"), "addkey");
	assert_string_equal(nearest_to("removekey"), "");
	assert_string_equal(nearest_to("key"), "keys");
	assert_string_equal(nearest_to("sesions"), "sessions");
	assert_string_equal(nearest_to("session"), "sessions");
	assert_string_equal(nearest_to("hostkey"), "hostkeys");
	assert_string_equal(nearest_to("host-keys"), "hostkeys");
	assert_string_equal(nearest_to("sshconfig"), "ssh-config");
	assert_string_equal(nearest_to("stauts"), "status");
	assert_string_equal(nearest_to("platform"), "platform-bytes");
}

static void what_is_no_slip_is_not_guessed_at(void **state)
{
	static const char *const words[] = {"", "x", "e", "ls", "frobnicate", "ssh-keygen",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "\xff\xfe"};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_string_equal(nearest_to(words[i]), "");
}

static void columns_are_those_of_a_terminal(void **state)
{
	static const struct {
		const char *text;
		unsigned columns;
	} cases[] = {{"a", 1}, {"\xc3\xbc", 1}, {"\xe2\x80\xa6", 1}, {"\xe6\x97\xa5", 2},
		{"\xf0\x9f\x98\x80", 2}, {"\xcc\x81", 0}, {"\xef\xbc\xa1", 2}, {"\xea\xb0\x80", 2}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			text_columns(cases[i].text, strlen(cases[i].text)), cases[i].columns);
}

/* The name of a failure in JSON that has no code of its own. */
static void an_exit_status_has_a_code(void **state)
{
	(void)state;
	for (int code = 1; code < ERROR_COUNT; code++) {
		int status = error_exit_status((enum error_code)code);
		assert_int_equal(error_exit_status(error_from_exit_status(status)), status);
	}
	assert_int_equal(error_from_exit_status(64), ERROR_USAGE);
	assert_int_equal(error_from_exit_status(77), ERROR_FORBIDDEN);
	assert_int_equal(error_from_exit_status(200), ERROR_INTERNAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slips_are_understood),
		cmocka_unit_test(what_is_no_slip_is_not_guessed_at),
		cmocka_unit_test(columns_are_those_of_a_terminal),
		cmocka_unit_test(an_exit_status_has_a_code),
	};

	return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
