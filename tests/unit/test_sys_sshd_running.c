/* Command lines of sshd as /proc shows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sys/sshd_running.h"

#define LINE(text) text, sizeof(text)

static void test_options(void **state)
{
	static const struct {
		const char *line;
		size_t length;
		const char *words; /* NULL: it is none that listens */
	} cases[] = {
		{LINE("/usr/sbin/sshd"), ""},
		{LINE("/usr/sbin/sshd\0-D"), ""},
		{LINE("sshd\0-De\0-f\0/etc/a b"), "-f|/etc/a b|"},
		{LINE("/usr/sbin/sshd\0-Df/etc/x\0-p\0"
		      "22\0-p23"),
			"-f|/etc/x|-p|22|-p|23|"},
		{LINE("/usr/sbin/sshd\0-oPort=5\0-E\0-f\0-u0"), "-o|Port=5|"},
		{LINE("sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"), ""},
		{LINE("sshd: /usr/sbin/sshd -D -f /x [listener] 0 of 10-100 startups"), "-f|/x|"},
		{LINE("sshd: /usr/sbin/sshd -o AllowUsers a b -D -oUsePAM no [listener] 0 of 1"),
			"-o|AllowUsers a b|-o|UsePAM no|"},
		/* Cut: the title has the room that arguments and environment had. */
		{LINE("sshd: /usr/sbin/sshd -f /etc/k [lis"), ""},
		{LINE("sshd: root@pts/0"), NULL},
		{LINE("sshd: root [priv]"), NULL},
		{LINE("sshd: [accepted]"), NULL},
		{LINE("/usr/sbin/sshd\0-D\0-R"), NULL},
		{LINE("/usr/sbin/sshd\0-T\0-C\0user=root"), NULL},
		{LINE("/usr/sbin/sshd\0-f"), NULL},
		{LINE("/usr/bin/ssh\0-f\0host"), NULL},
		{LINE(""), NULL},
		{"", 0, NULL},
		{"sshd -D", 7, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sshd_running running;
		bool found = sshd_running_parse(cases[i].line, cases[i].length, &running);
		char words[256] = "";

		for (size_t n = 0; n < running.count; n++)
			strcat(strcat(words, running.words[n]), "|");
		if (found != (cases[i].words != NULL) ||
			(found && strcmp(words, cases[i].words) != 0))
			fail_msg("case %zu, %s: %d %s", i, cases[i].line, found, words);
		if (found && strstr(words, "-f|"))
			assert_non_null(sshd_running_option(&running, 'f'));
		assert_null(sshd_running_option(&running, 'q'));
		sshd_running_free(&running);
	}
}

/* More options than anybody gives are dropped, not written beyond the end. */
static void test_many(void **state)
{
	struct sshd_running running;
	char line[4096] = "sshd";
	size_t length = 5;

	(void)state;
	for (int i = 0; i < 200; i++)
		length += (size_t)sprintf(line + length, "-oPort=%d", i) + 1;
	assert_true(sshd_running_parse(line, length, &running));
	assert_int_equal(running.count, SSHD_RUNNING_WORDS);
	assert_string_equal(sshd_running_option(&running, 'o'), "Port=0");
	sshd_running_free(&running);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
