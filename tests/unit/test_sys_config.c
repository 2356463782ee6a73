#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "sys/config.h"
#include "sys/statefile.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int parse(const char *text, struct config *config, struct error *error)
{
	*error = (struct error){0};
	return config_parse("/etc/x.conf", text, config, error);
}

static void check_taken(const char *text, struct config *config)
{
	struct error error;

	if (parse(text, config, &error) != 0)
		fail_msg("%s: %s", text, error.message);
}

static void everything_has_a_default(void **state)
{
	static const char *const empty[] = {"", "\n", "# x\n", "; x\n", "[keys]\n", "[agent]"};
	struct config config;

	(void)state;
	for (size_t i = 0; i < COUNT(empty); i++) {
		check_taken(empty[i], &config);
		assert_string_equal(config.socket, "/run/vastagent/agent.sock");
		assert_string_equal(config.state_dir, "/var/lib/vastagent");
		assert_int_equal(config.log_level, LOG_LEVEL_INFO);
		assert_false(config.forwarded);
		assert_int_equal(config.user_count, 1);
		assert_string_equal(config.users[0], "root");
		assert_int_equal(config.mirror_count, 0);
		assert_true(config.restore && config.login_tmux && config.login_logout);
		assert_string_equal(config.login_session, "ssh_tmux");
		assert_string_equal(config.session_environment, "all");
		config_free(&config);
		assert_null(config.socket);
	}
}

static void every_key_is_read(void **state)
{
	struct config config;

	(void)state;
	check_taken("[agent]\nsocket = /a\nstate_dir=/b\nlog_level: debug\nforwarded = yes\n"
		    "[keys]\nusers = alice, bob  carol\nmirror = user\nrestore = no\n"
		    "[login]\ntmux = no\nsession = my-tmux_2\ndetach = shell\n"
		    "[session]\nenvironment = CUDA_* PATH\n",
		&config);
	assert_string_equal(config.socket, "/a");
	assert_string_equal(config.state_dir, "/b");
	assert_int_equal(config.log_level, LOG_LEVEL_DEBUG);
	assert_true(config.forwarded);
	assert_int_equal(config.user_count, 3);
	assert_string_equal(config.users[2], "carol");
	assert_int_equal(config.mirror_count, 1);
	assert_string_equal(config.mirror[0], "user");
	assert_false(config.restore || config.login_tmux || config.login_logout);
	assert_string_equal(config.login_session, "my-tmux_2");
	assert_string_equal(config.session_environment, "CUDA_* PATH");
	config_free(&config);
}

static void a_mistake_is_named(void **state)
{
	static const struct {
		const char *text;
		long line;
		const char *says;
	} rows[] = {
		{"[keys]\nuser = root\n", 2, "[keys] user: there is no such key"},
		{"\n\n[nope]\nx = 1\n", 4, "[nope] x: there is no such key"},
		{"[agent]\nusers = root\n", 2, "[agent] users: there is no such key"},
		{"[keys]\nUsers = root\n", 2, "Users"},
		{"socket = /x\n", 1, "socket: there is no such key"},
		{"[keys]\nrestore = no\nrestore = no\n", 3, "[keys] restore: given twice"},
		{"[keys]\nrestore = no\n[agent]\n[keys]\nrestore = no\n", 5, "given twice"},
		{"[keys]\nrestore = maybe\n", 2, "[keys] restore: expects yes or no"},
		{"[keys]\nrestore =\n", 2, "expects yes or no"},
		{"[keys]\nrestore = Yes\n", 2, "expects yes or no"},
		{"# c\n[agent]\nsocket = x/y\n", 3, "[agent] socket: expects an absolute path"},
		{"[agent]\nlog_level = loud\n", 2, "expects error, warning, info or debug"},
		{"[login]\nsession = a:b\n", 2, "[login] session: expects"},
		{"[login]\nsession = a.b\n", 2, "[login] session: expects"},
		{"[login]\nsession =\n", 2, "[login] session: expects"},
		{"[login]\nsession = -x\n", 2, "[login] session: expects"},
		{"[login]\ndetach = never\n", 2, "[login] detach: expects logout or shell"},
		{"[session]\nenvironment =\n", 2, "[session] environment: expects all, none"},
		{"[session]\nenvironment = A, !\n", 2, "[session] environment: expects"},
		{"[session]\nenvironment = A-B\n", 2, "[session] environment: expects"},
		{"[session]\nenvironment = A,!!B\n", 2, "[session] environment: expects"},
		{"[keys]\ngarbage\n", 2, "neither a [section] nor KEY = VALUE"},
		/* inih cuts the name of a section after 49 bytes. */
		{"[a-section-with-a-name-that-is-longer-than-inih-keeps-it]\nx = 1\n", 1,
			"no such section"},
		{"[keys\nrestore = no\n", 1, "neither a [section] nor KEY = VALUE"},
		{"[keys]\nusers = a\n  b\n", 3, "indented"},
		{"[keys]\n\n\nusers = a\nmirror = b\n\tc\n", 6, "indented"},
	};
	struct config config;
	struct error error;
	char place[64];
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(parse(rows[i].text, &config, &error), -1);
		assert_int_equal(error.code, ERROR_CONFIGURATION);
		snprintf(place, sizeof(place), "/etc/x.conf:%ld: ", rows[i].line);
		if (strncmp(error.message, place, strlen(place)) == 0 &&
			strstr(error.message, rows[i].says) && error.line == rows[i].line)
			continue;
		print_error("%s: line %ld: %s\n", rows[i].text, error.line, error.message);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void a_long_line_is_refused(void **state)
{
	char text[256] = "[session]\nenvironment = ";
	struct config config;
	struct error error;
	size_t start = strlen("[session]\n");

	(void)state;
	memset(text + strlen(text), 'a', start + 190 - strlen(text));
	check_taken(text, &config);
	assert_int_equal(strlen(config.session_environment), 190 - strlen("environment = "));
	config_free(&config);
	text[start + 190] = 'a';
	text[start + 191] = '\0';
	assert_int_equal(parse(text, &config, &error), -1);
	assert_int_equal(error.line, 2);
	assert_non_null(strstr(error.message, "/etc/x.conf:2: the line is longer than 190 bytes"));
}

static void a_failure_leaves_the_old_one(void **state)
{
	struct config config, before;
	struct error error;

	(void)state;
	check_taken("[agent]\nsocket = /old\n", &config);
	before = config;
	assert_int_equal(parse("[agent]\nsocket = /new\nx = 1\n", &config, &error), -1);
	assert_memory_equal(&config, &before, sizeof(config));
	assert_string_equal(config.socket, "/old");
	config_free(&config);
}

static void write_file(const char *path, const char *text, size_t length)
{
	struct buffer content = BUFFER_EMPTY;

	assert_int_equal(buffer_add(&content, text, length), 0);
	assert_int_equal(statefile_write(path, &content, NULL), 0);
	buffer_free(&content);
}

static void a_file_is_loaded(void **state)
{
	char directory[] = "/run/vastagent-config-XXXXXX", path[64];
	struct config config;
	struct error error;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/c", directory);
	/* Only the default file may be missing. */
	assert_int_equal(config_load(path, &config, &error), -1);
	assert_int_equal(error.code, ERROR_CONFIGURATION);
	write_file(path, "[keys]\nrestore = no\n", 20);
	if (config_load(path, &config, &error) != 0)
		fail_msg("%s", error.message);
	assert_false(config.restore);
	config_free(&config);
	write_file(path, "[keys]\n\0restore = no\n", 21);
	assert_int_equal(config_load(path, &config, &error), -1);
	assert_int_equal(error.code, ERROR_CONFIGURATION);
	assert_non_null(strstr(error.message, path));
	write_file(path, "[keys]\nx = no\n", 14);
	assert_int_equal(config_load(path, &config, &error), -1);
	assert_non_null(strstr(error.message, path));
	write_file(path, "", 0);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(config_load(path, &config, &error), -1);
	assert_int_equal(error.code, ERROR_CONFIGURATION);
	unlink(path);
	rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_has_a_default),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(a_mistake_is_named),
		cmocka_unit_test(a_long_line_is_refused),
		cmocka_unit_test(a_failure_leaves_the_old_one),
		cmocka_unit_test(a_file_is_loaded),
	};

	return cmocka_run_group_tests_name("sys/config", tests, NULL, NULL);
}
