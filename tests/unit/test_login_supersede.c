#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "login/supersede.h"

#define BINARY "/usr/local/bin/vastagent"
#define G      "[ ! -x " BINARY " ] && "

/*
 * The text becomes the expected one, which is left alone the second time, and taking
 * the condition out gives the very bytes back.
 */
static void expect_change(const char *text, const char *expected)
{
	struct buffer once = BUFFER_EMPTY, twice = BUFFER_EMPTY, back = BUFFER_EMPTY;

	assert_int_equal(supersede_insert(text, strlen(text), BINARY, &once), SUPERSEDE_CHANGED);
	assert_string_equal(buffer_string(&once), expected);
	assert_int_equal(
		supersede_insert(once.data, once.length, BINARY, &twice), SUPERSEDE_NOTHING);
	assert_int_equal(twice.length, 0);
	assert_int_equal(
		supersede_remove(once.data, once.length, BINARY, &back), SUPERSEDE_CHANGED);
	assert_int_equal(back.length, strlen(text));
	assert_memory_equal(back.data, text, back.length);
	buffer_free(&once);
	buffer_free(&back);
}

static void expect_outcome(const char *text, enum supersede_outcome outcome)
{
	struct buffer out = BUFFER_EMPTY;

	assert_int_equal(supersede_insert(text, strlen(text), BINARY, &out), outcome);
	assert_int_equal(out.length, 0);
	assert_int_equal(supersede_remove(text, strlen(text), BINARY, &out), SUPERSEDE_NOTHING);
	assert_int_equal(out.length, 0);
	buffer_free(&out);
}

static void the_usual_block(void **state)
{
	(void)state;
	expect_change(
		"alias ll='ls -l'\n"
		"if [[ -z \"$TMUX\" && -n \"$SSH_CONNECTION\" && ! -e ~/.no_auto_tmux ]]; then\n"
		"\ttmux attach-session -t ssh_tmux || tmux new-session -s ssh_tmux\n"
		"\texit\n"
		"fi\n",
		"alias ll='ls -l'\n"
		"if " G
		"[[ -z \"$TMUX\" && -n \"$SSH_CONNECTION\" && ! -e ~/.no_auto_tmux ]]; then\n"
		"\ttmux attach-session -t ssh_tmux || tmux new-session -s ssh_tmux\n"
		"\texit\n"
		"fi\n");
}

static void single_brackets_tabs_and_no_last_newline(void **state)
{
	(void)state;
	expect_change("\tif\t [ -z \"$TMUX\" ] && [ -n \"$SSH_TTY\" ]\n"
		      "\tthen\n\t\ttmux attach -t ssh_tmux || exec tmux new -s ssh_tmux\n\tfi",
		"\tif\t " G "[ -z \"$TMUX\" ] && [ -n \"$SSH_TTY\" ]\n"
		"\tthen\n\t\ttmux attach -t ssh_tmux || exec tmux new -s ssh_tmux\n\tfi");
}

static void one_line(void **state)
{
	(void)state;
	expect_change("x=1; if [ -z \"$TMUX\" ]; then tmux new -A -s ssh_tmux; exit; fi; y=2\n",
		"x=1; if " G "[ -z \"$TMUX\" ]; then tmux new -A -s ssh_tmux; exit; fi; y=2\n");
	expect_change("if [ -z \"$TMUX\" ]; then exec /usr/bin/tmux new -As ssh_tmux; fi",
		"if " G "[ -z \"$TMUX\" ]; then exec /usr/bin/tmux new -As ssh_tmux; fi");
}

static void a_condition_of_several_lines(void **state)
{
	(void)state;
	expect_change("if [ -z \"$TMUX\" ] &&\n   [ -n \"$SSH_CONNECTION\" ] && \\\n   true; then\n"
		      "  tmux attach -t ssh_tmux ||\n    tmux new -s ssh_tmux\n  exit\nfi\n",
		"if " G "[ -z \"$TMUX\" ] &&\n   [ -n \"$SSH_CONNECTION\" ] && \\\n   true; then\n"
		"  tmux attach -t ssh_tmux ||\n    tmux new -s ssh_tmux\n  exit\nfi\n");
}

/* `exit` stands behind the inner one: only the outer one keeps the user in. */
static void the_outer_guard_is_meant(void **state)
{
	(void)state;
	expect_change(
		"if [ -n \"$SSH_CONNECTION\" ]; then\n"
		"  if tmux has-session -t ssh_tmux 2>/dev/null; then\n"
		"    tmux attach -t ssh_tmux\n  else\n    tmux new -s ssh_tmux\n  fi\n  exit\nfi\n",
		"if " G "[ -n \"$SSH_CONNECTION\" ]; then\n"
		"  if tmux has-session -t ssh_tmux 2>/dev/null; then\n"
		"    tmux attach -t ssh_tmux\n  else\n    tmux new -s ssh_tmux\n  fi\n  "
		"exit\nfi\n");
	/* An outer one that is about something else is not the platform's. */
	expect_change(
		"if [ \"$PS1\" ]; then\nif [ -z \"$TMUX\" ]; then\ntmux new -As ssh_tmux\nfi\nfi\n",
		"if [ \"$PS1\" ]; then\nif " G
		"[ -z \"$TMUX\" ]; then\ntmux new -As ssh_tmux\nfi\nfi\n");
}

static void closed_ifs_above_are_not_its_own(void **state)
{
	(void)state;
	expect_change("if [ -n \"$SSH_TTY\" ]; then echo hi; fi\nif [ -t 0 ]; then\n tmux new -As "
		      "ssh_tmux\nfi\n",
		"if [ -n \"$SSH_TTY\" ]; then echo hi; fi\nif " G
		"[ -t 0 ]; then\n tmux new -As ssh_tmux\nfi\n");
	expect_outcome("if [ -n \"$SSH_TTY\" ]; then\n echo hi\nfi\ntmux new -As ssh_tmux\n",
		SUPERSEDE_LEFT_ALONE);
}

static void each_of_several_blocks(void **state)
{
	(void)state;
	expect_change("if [ -z \"$TMUX\" ]; then\ntmux a -t ssh_tmux\nfi\n\n\n\n\n\n\n"
		      "if [ -z \"$TMUX\" ]; then tmux new -s ssh_tmux; fi\n",
		"if " G "[ -z \"$TMUX\" ]; then\ntmux a -t ssh_tmux\nfi\n\n\n\n\n\n\n"
		"if " G "[ -z \"$TMUX\" ]; then tmux new -s ssh_tmux; fi\n");
}

static void appended_again_behind_a_superseded_one(void **state)
{
	static const char block[] = "if [ -z \"$TMUX\" ]; then\ntmux a -t ssh_tmux\nfi\n";
	static const char done[] = "if " G "[ -z \"$TMUX\" ]; then\ntmux a -t ssh_tmux\nfi\n";
	struct buffer out = BUFFER_EMPTY;
	char text[512], expected[512];

	(void)state;
	snprintf(text, sizeof(text), "%s%s", done, block);
	snprintf(expected, sizeof(expected), "%s%s", done, done);
	assert_int_equal(supersede_insert(text, strlen(text), BINARY, &out), SUPERSEDE_CHANGED);
	assert_string_equal(buffer_string(&out), expected);
	buffer_free(&out);
}

static void nothing_to_do(void **state)
{
	(void)state;
	expect_outcome("", SUPERSEDE_NOTHING);
	expect_outcome("alias ll='ls -l'\n", SUPERSEDE_NOTHING);
	expect_outcome("if [ -z \"$TMUX\" ]; then\n#\ttmux attach -t ssh_tmux\n:\nfi\n",
		SUPERSEDE_NOTHING);
	expect_outcome(
		"if true; then\n echo hi # tmux attach -t ssh_tmux\nfi\n", SUPERSEDE_NOTHING);
	expect_outcome("if true; then\n tmux attach -t work\nfi\n", SUPERSEDE_NOTHING);
	expect_outcome("if true; then\n export SESSION=ssh_tmux\nfi\n", SUPERSEDE_NOTHING);
	expect_outcome(
		"if true; then\n alias t='tmux attach -t ssh_tmux'\nfi\n", SUPERSEDE_NOTHING);
}

static void what_cannot_be_changed_soundly_is_left_alone(void **state)
{
	(void)state;
	/* no `if` at all, or too far away */
	expect_outcome(
		"[ -z \"$TMUX\" ] && { tmux a -t ssh_tmux || tmux new -s ssh_tmux; exit; }\n",
		SUPERSEDE_LEFT_ALONE);
	expect_outcome("[[ -z $TMUX ]] && exec tmux new -As ssh_tmux", SUPERSEDE_LEFT_ALONE);
	expect_outcome("if [ -z \"$TMUX\" ]; then\n:\n:\n:\n:\n:\ntmux new -s ssh_tmux\nfi\n",
		SUPERSEDE_LEFT_ALONE);
	/* the condition would not be one more of a chain of && */
	expect_outcome(
		"if [ -n \"$SSH_TTY\" ] || [ -n \"$SSH_CLIENT\" ]; then\n tmux a -t ssh_tmux\nfi\n",
		SUPERSEDE_LEFT_ALONE);
	expect_outcome(
		"if x=1; [ -z \"$TMUX\" ]; then\n tmux a -t ssh_tmux\nfi\n", SUPERSEDE_LEFT_ALONE);
	expect_outcome(
		"if x=1\n[ -z \"$TMUX\" ]; then\n tmux a -t ssh_tmux\nfi\n", SUPERSEDE_LEFT_ALONE);
	expect_outcome("if(true); then tmux a -t ssh_tmux; fi\n", SUPERSEDE_LEFT_ALONE);
	/* a false condition leads to tmux */
	expect_outcome("if [ -e ~/.no_auto_tmux ]; then\n :\nelse\n tmux a -t ssh_tmux\nfi\n",
		SUPERSEDE_LEFT_ALONE);
	expect_outcome("if [ -n \"$TMUX\" ]; then\n :\nelif true; then\n tmux a -t ssh_tmux\nfi\n",
		SUPERSEDE_LEFT_ALONE);
	/* an unsound guard outside is not made good by a sound one inside */
	expect_outcome("if [ \"$SSH_TTY\" ] || [ \"$SSH_CLIENT\" ]; then\n"
		       "if [ -z x ]; then tmux a -t ssh_tmux; fi\nexit\nfi\n",
		SUPERSEDE_LEFT_ALONE);
	expect_outcome("echo if true; then\ntmux a -t ssh_tmux\n", SUPERSEDE_LEFT_ALONE);
}

static void alternatives_inside_a_test_are_one_command(void **state)
{
	(void)state;
	expect_change("if [[ -n $SSH_TTY || -n $SSH_CLIENT ]] && ! (false || false); then\n"
		      "tmux a -t ssh_tmux\nfi\n",
		"if " G "[[ -n $SSH_TTY || -n $SSH_CLIENT ]] && ! (false || false); then\n"
		"tmux a -t ssh_tmux\nfi\n");
	expect_change("if [ -z \"$TMUX\" ] && [ \"$(tty || echo no)\" != no ]; then tmux a -t "
		      "ssh_tmux; fi\n",
		"if " G "[ -z \"$TMUX\" ] && [ \"$(tty || echo no)\" != no ]; then tmux a -t "
		"ssh_tmux; fi\n");
}

static void text_around_is_kept_byte_for_byte(void **state)
{
	static const char text[] = "don't\0\xff\r\ncat <<'E'\nit's if (\nE\n"
				   "if [ -z \"$TMUX\" ]; then tmux a -t ssh_tmux; fi\n\0'\"`$(";
	struct buffer out = BUFFER_EMPTY, back = BUFFER_EMPTY;

	(void)state;
	assert_int_equal(supersede_insert(text, sizeof(text), BINARY, &out), SUPERSEDE_CHANGED);
	assert_int_equal(out.length, sizeof(text) + strlen(G));
	assert_int_equal(supersede_remove(out.data, out.length, BINARY, &back), SUPERSEDE_CHANGED);
	assert_int_equal(back.length, sizeof(text));
	assert_memory_equal(back.data, text, sizeof(text));
	buffer_free(&out);
	buffer_free(&back);
}

static void removing_touches_only_what_heads_an_if(void **state)
{
	static const char text[] = G "echo\nelif " G "true\nxif " G "\n" G;
	struct buffer out = BUFFER_EMPTY;

	(void)state;
	assert_int_equal(supersede_remove(text, strlen(text), BINARY, &out), SUPERSEDE_NOTHING);
	assert_int_equal(
		supersede_remove("if " G, strlen("if " G), BINARY, &out), SUPERSEDE_CHANGED);
	assert_string_equal(buffer_string(&out), "if ");
	buffer_free(&out);
}

static void a_path_that_needs_quotes_is_refused(void **state)
{
	static const char text[] = "if true; then tmux a -t ssh_tmux; fi\n";
	static const char *const bad[] = {"", "vastagent", "/a b", "/a;b", "/a$b", "/a'b", "/a\nb"};
	struct buffer out = BUFFER_EMPTY;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
			supersede_insert(text, strlen(text), bad[i], &out), SUPERSEDE_FAILED);
		assert_int_equal(
			supersede_remove(text, strlen(text), bad[i], &out), SUPERSEDE_FAILED);
	}
	assert_int_equal(out.length, 0);
}

static void many_blocks_end(void **state)
{
	static const char block[] = "if true; then tmux a -t ssh_tmux; fi\n";
	struct buffer text = BUFFER_EMPTY, out = BUFFER_EMPTY;

	(void)state;
	for (int i = 0; i < 2000; i++)
		buffer_add_string(&text, block);
	assert_int_equal(supersede_insert(text.data, text.length, BINARY, &out), SUPERSEDE_CHANGED);
	buffer_free(&text);
	buffer_free(&out);
}

/* What bash does with the text: prints "tmux" where tmux would be run. */
static int run_bash(const char *text, const char *binary)
{
	struct buffer out = BUFFER_EMPTY;
	char script[] = "/tmp/test_login_supersede.XXXXXX", command[256];
	int fd = mkstemp(script), status;
	FILE *file = fdopen(fd, "w");

	assert_non_null(file);
	assert_int_equal(supersede_insert(text, strlen(text), binary, &out), SUPERSEDE_CHANGED);
	fprintf(file, "tmux() { exit 3; }\n%s\nexit 4\n", out.data);
	fclose(file);
	buffer_free(&out);
	snprintf(command, sizeof(command), "TMUX= SSH_CONNECTION=x SSH_TTY=x bash %s", script);
	status = system(command);
	unlink(script);
	return WEXITSTATUS(status);
}

static void bash_agrees(void **state)
{
	static const char *const blocks[] = {
		"if [[ -z \"$TMUX\" && -n \"$SSH_CONNECTION\" ]]; then\n tmux a -t ssh_tmux\n "
		"exit\nfi\n",
		"if [ -z \"$TMUX\" ] && [ -n \"$SSH_TTY\" ]; then tmux new -As ssh_tmux; exit; "
		"fi\n",
		"if [[ -n $SSH_TTY || -n $X ]] && ! false; then\n tmux a -t ssh_tmux\n exit\nfi\n",
		"if [ -n \"$SSH_TTY\" ]; then\n if ! tmux has -t ssh_tmux; then\n tmux new -s "
		"ssh_tmux\n"
		" fi\n exit\nfi\n",
		"if (( 1 || 0 )) && true | true; then\n tmux a -t ssh_tmux\n exit\nfi\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		assert_int_equal(run_bash(blocks[i], "/bin/sh"), 4);
		assert_int_equal(run_bash(blocks[i], "/no/such/program"), 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_usual_block),
		cmocka_unit_test(single_brackets_tabs_and_no_last_newline),
		cmocka_unit_test(one_line),
		cmocka_unit_test(a_condition_of_several_lines),
		cmocka_unit_test(the_outer_guard_is_meant),
		cmocka_unit_test(closed_ifs_above_are_not_its_own),
		cmocka_unit_test(each_of_several_blocks),
		cmocka_unit_test(appended_again_behind_a_superseded_one),
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(what_cannot_be_changed_soundly_is_left_alone),
		cmocka_unit_test(alternatives_inside_a_test_are_one_command),
		cmocka_unit_test(text_around_is_kept_byte_for_byte),
		cmocka_unit_test(removing_touches_only_what_heads_an_if),
		cmocka_unit_test(a_path_that_needs_quotes_is_refused),
		cmocka_unit_test(many_blocks_end),
		cmocka_unit_test(bash_agrees),
	};

	return cmocka_run_group_tests_name("login_supersede", tests, NULL, NULL);
}
