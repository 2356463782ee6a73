#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "login/environment.h"
#include "login/environment_file.h"
#include "login/environment_text.h"
#include "sys/process.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct environment none;

/* Values that went wrong when people wrote `env >>/etc/environment`. */
static const char *const awkward[] = {"two words", "  blanks around  ", "$HOME", "$(touch /tmp/x)",
	"`touch /tmp/x`", "it's", "say \"hi\"", "'", "''", "'\\''", "back\\slash\\", "a\nb\n\nc\n",
	"{\"a\": [1, \"$x\"], 'b': null}", "tab\there", "# no comment", "a;b|c&d>e<f(g)", "*?[a]~!",
	"\xc3\xbc\xff\x01", "", "-n", "%s\\n", "x=y=z", "\r\n", "\"", "\\'", "END\nfi; esac }"};

static void only_variables_of_the_instance_pass(void **state)
{
	static const char *const good[] = {"CONTAINER_ID", "VAST_TCP_PORT_22", "PATH", "a", "_x",
		"LD_LIBRARY_PATH", "LANG", "HOMES", "TERMINFO", "PS5", "NO_AUTO_TMUX", "X1"};
	static const char *const bad[] = {"", "1A", "A-B", "A.B", "A B", "A\n", "A$(x)", "\xc3\xbc",
		"HOME", "PWD", "OLDPWD", "SHLVL", "_", "USER", "LOGNAME", "SHELL", "MAIL", "TERM",
		"TMUX", "TMUX_PANE", "STY", "SSH_CONNECTION", "SSH_PUBLIC_KEY", "LD_PRELOAD",
		"LD_AUDIT", "BASH_ENV", "ENV", "PS1", "PS4", "PROMPT_COMMAND", "IFS",
		"BASH_FUNC_x%%", "BASH_FUNC_x", "VASTAGENT_KEYS", "VASTAGENT_KEYS_2",
		"VASTAGENT_BIN", "DISPLAY", "XDG_RUNTIME_DIR", "MAILPATH", "SHELLOPTS", "PROMPT",
		"vastagent_login_tried", "VSCODE_PORT", "TERM_PROGRAM", "TERMINAL_EMULATOR",
		"ZELLIJ", "INSIDE_EMACS"};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (!environment_name_passes(good[i]))
			fail_msg("%s does not pass", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (environment_name_passes(bad[i]))
			fail_msg("%s passes", bad[i]);
}

static void the_rules_admit(void **state)
{
	static const struct {
		const char *rules, *name;
		bool root, others;
	} rows[] = {
		{"all", "DATABASE_URL", true, false},
		{"all", "CONTAINER_ID", true, true},
		{"all", "VAST_TCP_PORT_22", true, true},
		{"all", "CONTAINER_API_KEY", true, false},
		{"all", "VAST_API_KEY", true, false},
		{"all", "NVIDIA_API_KEY", true, false},
		{"all", "VAST_HUB_TOKEN", true, false},
		{"all,VAST_API_KEY", "VAST_API_KEY", true, true},
		{"all", "CUDA_VERSION", true, true},
		{"all", "NVIDIA_VISIBLE_DEVICES", true, true},
		{"none", "CONTAINER_ID", false, false},
		{"A, none", "A", false, false},
		{"A", "A", true, true},
		{"A", "AB", false, false},
		{"A", "CONTAINER_ID", false, false},
		{"all A", "A", true, true},
		{"all,A", "B", true, false},
		{"*", "B", true, false},
		{"*", "GPU_COUNT", true, true},
		{"!B", "A", true, false},
		{"!B", "B", false, false},
		{"!VAST_*", "VAST_X", false, false},
		{"!VAST_*", "GPU_COUNT", true, true},
		{"A*,!AB*", "AC", true, true},
		{"A*,!AB*", "ABC", false, false},
		{"!AB*\tA*", "ABC", false, false},
		{"*_KEY", "API_KEY", true, true},
		{"*_KEY", "API_KEYS", false, false},
		{"A*B*C", "AxxBBC", true, true},
		{"A*B*C", "AxxBB", false, false},
		{"A**", "A", true, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (environment_admits(rows[i].rules, true, rows[i].name) != rows[i].root ||
			environment_admits(rows[i].rules, false, rows[i].name) != rows[i].others)
			fail_msg("%s: %s", rows[i].rules, rows[i].name);
}

static void a_block_is_read(void **state)
{
	static const char block[] =
		"A=1\0B=x=y\0C=\0HOME=/root\0noequals\0=x\0A=2\0D=\xff\n\0CUT=o";
	struct environment environment = ENVIRONMENT_EMPTY;

	(void)state;
	/* Not the NUL at its end. */
	assert_int_equal(environment_add_block(&environment, block, sizeof(block) - 1), 0);
	assert_int_equal(environment.count, 4);
	assert_string_equal(environment_get(&environment, "A"), "2");
	assert_string_equal(environment_get(&environment, "B"), "x=y");
	assert_string_equal(environment_get(&environment, "C"), "");
	assert_string_equal(environment_get(&environment, "D"), "\xff\n");
	environment_free(&environment);
	assert_int_equal(environment_add_block(&environment, "", 0), 0);
	assert_int_equal(environment.count, 0);
}

static void a_text_is_parsed_and_not_evaluated(void **state)
{
	static const char text[] = "# comment\n"
				   "PLAIN=a b c  # and more\n"
				   "HASH=a#b\n"
				   "export EXPORTED=yes\r\n"
				   "  INDENTED='it is'\n"
				   "DOUBLE=\"a \\\"b\\\" \\$c \\\\ \\d\"\n"
				   "SINGLE='$x `y` \"z\" \\' # comment\n"
				   "LINES_='one\nNOT=this\ntwo'\n"
				   "UNBALANCED=\"it's\n"
				   "AFTER=1\n"
				   "RUN=$(touch /tmp/x)\n"
				   "RUN2=\"a`touch /tmp/x`\"\n"
				   "REFERS=\"$PATH:/x\"\n"
				   "JSON=\"{\"a\":1}\"\n"
				   "MIXED=a'b'c\n"
				   "ESCAPED=a\\ b\n"
				   "EMPTY=\n"
				   "EMPTY2=''\n"
				   "LD_PRELOAD=/x\n"
				   "BAD-NAME=1\n"
				   "just words\n"
				   "=x\n"
				   "AFTER=2\n"
				   "OPEN='to the end";
	static const struct {
		const char *name, *value;
	} rows[] = {{"PLAIN", "a b c"}, {"HASH", "a#b"}, {"EXPORTED", "yes"}, {"INDENTED", "it is"},
		{"DOUBLE", "a \"b\" $c \\ \\d"}, {"SINGLE", "$x `y` \"z\" \\"},
		{"LINES_", "one\nNOT=this\ntwo"}, {"AFTER", "2"}, {"EMPTY", ""}, {"EMPTY2", ""}};
	struct environment environment = ENVIRONMENT_EMPTY;
	const char *value;

	(void)state;
	assert_int_equal(environment_file_parse(&environment, text, sizeof(text) - 1), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		value = environment_get(&environment, rows[i].name);
		if (!value || strcmp(value, rows[i].value) != 0)
			fail_msg("%s is %s", rows[i].name, value ? value : "not there");
	}
	assert_int_equal(environment.count, COUNT(rows));
	environment_free(&environment);
}

static void a_copied_file_is_known(void **state)
{
	static const struct {
		const char *text, *id;
		bool anothers;
	} rows[] = {{"CONTAINER_ID=\"1\"\n", "1", false}, {"CONTAINER_ID=\"1\"\n", "2", true},
		{"CONTAINER_ID=1\n", "", false}, {"A=1\n", "2", false},
		{"VAST_CONTAINERLABEL=C.1\n", "1", false},
		{"VAST_CONTAINERLABEL=C.1\n", "2", true}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct environment environment = ENVIRONMENT_EMPTY;
		environment_file_parse(&environment, rows[i].text, strlen(rows[i].text));
		assert_int_equal(
			environment_file_is_anothers(&environment, rows[i].id), rows[i].anothers);
		environment_free(&environment);
	}
}

static void find_start(struct environment_start *start)
{
	*start = (struct environment_start){.instance = "12345"};
	assert_int_equal(boot_read(&start->boot), 0);
}

/* What a shell that sources the text has in its environment, as env -0 prints it. */
static void source(const char *const shell[], const struct buffer *text, const char *set,
	struct buffer *output)
{
	char path[] = "/tmp/environment.XXXXXX", script[200];
	const char *arguments[12] = {"/usr/bin/env", "-i", set, "PATH=/usr/bin:/bin"};
	int fd = mkstemp(path), count = 4;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, buffer_string(text), text->length), text->length);
	close(fd);
	/* The path is left as it is, so that env is found. */
	snprintf(script, sizeof(script), ". %s && /usr/bin/env -0", path);
	while (*shell)
		arguments[count++] = *shell++;
	arguments[count++] = script;
	arguments[count] = NULL;
	if (process_capture_all(arguments, NULL, 10000, 1 << 20, output, NULL) != 0)
		fail_msg("%s: %s\n%s", arguments[4], buffer_string(output), buffer_string(text));
	unlink(path);
}

static const char *find(const struct buffer *block, const char *name)
{
	size_t length = strlen(name), at = 0;

	for (; at < block->length; at += strlen(block->data + at) + 1)
		if (strncmp(block->data + at, name, length) == 0 && block->data[at + length] == '=')
			return block->data + at + length + 1;
	return NULL;
}

static const char *const sh[] = {"/bin/sh", "-eu", "-c", NULL};
static const char *const bash[] = {"/bin/bash", "-eu", "-c", NULL};
static const char *const zsh[] = {"/usr/bin/zsh", "-feu", "-c", NULL};
static const char *const fish[] = {"/usr/bin/fish", "-N", "-c", NULL};
static const char *const *const shells[] = {sh, bash, zsh, fish};

static enum environment_shell form(const char *const shell[])
{
	return shell == fish ? ENVIRONMENT_FISH : ENVIRONMENT_SH;
}

static void awkward_values_arrive_in_every_shell(void **state)
{
	struct environment environment = ENVIRONMENT_EMPTY;
	struct environment_start start;
	char name[16];

	(void)state;
	find_start(&start);
	for (size_t i = 0; i < COUNT(awkward); i++) {
		snprintf(name, sizeof(name), "V%zu", i);
		assert_int_equal(environment_set(&environment, name, awkward[i]), 0);
	}
	environment_set(&environment, "PATH", "/opt/a b/bin:/usr/local/bin:/usr/bin:.::x:/opt/$z");
	for (size_t s = 0; s < COUNT(shells); s++) {
		struct buffer text = BUFFER_EMPTY, output = BUFFER_EMPTY;
		if (access(shells[s][0], X_OK) != 0)
			continue;
		environment_text_file(form(shells[s]), &environment, &none, &start, &text);
		source(shells[s], &text, "V0=mine", &output);
		for (size_t i = 0; i < COUNT(awkward); i++) {
			snprintf(name, sizeof(name), "V%zu", i);
			const char *value = find(&output, name);
			const char *want = i ? awkward[i] : "mine";
			if (!value || strcmp(value, want) != 0)
				fail_msg(
					"%s: %s is %s", shells[s][0], want, value ? value : "lost");
		}
		assert_string_equal(
			find(&output, "PATH"), "/opt/a b/bin:/usr/bin:/bin:/usr/local/bin:/opt/$z");
		assert_null(find(&output, "vastagent_boot"));
		buffer_free(&text);
		buffer_free(&output);
	}
	environment_free(&environment);
}

static void another_start_and_older_values(void **state)
{
	struct environment environment = ENVIRONMENT_EMPTY, earlier = ENVIRONMENT_EMPTY;
	struct environment_start start;

	(void)state;
	environment_set(&environment, "A", "new");
	environment_append(&earlier, "A", "older");
	environment_append(&earlier, "A", "old'(");
	for (size_t s = 0; s < COUNT(shells); s++) {
		static const struct {
			const char *set, *want;
			int others; /* 1: another boot, 2: another process 1 */
		} rows[] = {{"A=older", "new", 0}, {"A=old'(", "new", 0}, {"A=mine", "mine", 0},
			{"A=", "", 0}, {"A=(", "(", 0}, {"A=older", "older", 1},
			{"A=older", "older", 2}};
		if (access(shells[s][0], X_OK) != 0)
			continue;
		for (size_t i = 0; i < COUNT(rows); i++) {
			struct buffer text = BUFFER_EMPTY, output = BUFFER_EMPTY;
			find_start(&start);
			start.boot.id[0] = rows[i].others == 1 ? 'x' : start.boot.id[0];
			start.boot.start += rows[i].others == 2;
			environment_text_file(
				form(shells[s]), &environment, &earlier, &start, &text);
			source(shells[s], &text, rows[i].set, &output);
			if (strcmp(find(&output, "A"), rows[i].want) != 0)
				fail_msg("%s: %s becomes %s", shells[s][0], rows[i].set,
					find(&output, "A"));
			buffer_free(&text);
			buffer_free(&output);
		}
	}
	environment_free(&environment);
	environment_free(&earlier);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_variables_of_the_instance_pass),
		cmocka_unit_test(the_rules_admit),
		cmocka_unit_test(a_block_is_read),
		cmocka_unit_test(a_text_is_parsed_and_not_evaluated),
		cmocka_unit_test(a_copied_file_is_known),
		cmocka_unit_test(awkward_values_arrive_in_every_shell),
		cmocka_unit_test(another_start_and_older_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
