/* Which ssh server this machine has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sys/sshd_version.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *text;
	struct sshd_version version;
} cases[] = {
	{"OpenSSH_9.2, OpenSSL 3.0.19 27 Jan 2026\n", {SSHD_OPENSSH, 9, 2, false}},
	{"OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19\n", {SSHD_OPENSSH, 9, 2, true}},
	{"SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.10\r\n", {SSHD_OPENSSH, 8, 9, true}},
	{"unknown option -- V\nOpenSSH_8.4p1 Debian-5, OpenSSL 1.1.1n\nusage: sshd [-46DdeiqTt]\n",
		{SSHD_OPENSSH, 8, 4, true}},
	{"sshd: illegal option -- V\nOpenSSH_6.6.1p1, OpenSSL 1.0.1\n",
		{SSHD_OPENSSH, 6, 6, false}},
	{"OpenSSH_10.0p2, OpenSSL 3.5.1\n", {SSHD_OPENSSH, 10, 0, false}},
	{"Dropbear v2022.83\n", {SSHD_DROPBEAR, 2022, 83, false}},
	{"SSH-2.0-dropbear_2019.78\r\n", {SSHD_DROPBEAR, 2019, 78, false}},
};

static void versions_are_read_from_all_that_prints_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sshd_version got;

		if (sshd_version_parse(cases[i].text, &got) != 0)
			fail_msg("not understood: %s", cases[i].text);
		assert_int_equal(got.kind, cases[i].version.kind);
		assert_int_equal(got.major, cases[i].version.major);
		assert_int_equal(got.minor, cases[i].version.minor);
		assert_int_equal(got.debian, cases[i].version.debian);
	}
}

static void anything_else_is_no_version(void **state)
{
	static const char *const texts[] = {"", "OpenSSH", "OpenSSH_", "OpenSSH_9", "OpenSSH_9.",
		"OpenSSH_x.2", "OpenSSH_99999999999999999999.1", "usage: sshd [-46]"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct sshd_version got = {SSHD_OPENSSH, 9, 9, true};

		assert_int_equal(sshd_version_parse(texts[i], &got), -1);
		assert_int_equal(got.kind, SSHD_NONE);
	}
}

static void releases_are_compared_as_numbers(void **state)
{
	const struct sshd_version ten = {SSHD_OPENSSH, 10, 0, false};
	const struct sshd_version dropbear = {SSHD_DROPBEAR, 2022, 83, false};
	char name[40];

	(void)state;
	assert_true(sshd_version_is_openssh(&ten, 9, 8));
	assert_true(sshd_version_is_openssh(&ten, 10, 0));
	assert_false(sshd_version_is_openssh(&ten, 10, 1));
	assert_false(sshd_version_is_openssh(&dropbear, 7, 7));
	assert_string_equal(sshd_version_name(&ten, name, sizeof(name)), "OpenSSH 10.0");
	assert_string_equal(sshd_version_name(&dropbear, name, sizeof(name)), "Dropbear 2022.83");
}

/* The server of this machine, held against what its client, of the same package, says. */
static void the_local_one_is_asked(void **state)
{
	const struct sshd_version *version = sshd_version_local();
	struct sshd_version client = {0};
	char text[256] = "";
	FILE *pipe = popen("ssh -V 2>&1", "r");
	size_t got = pipe ? fread(text, 1, sizeof(text) - 1, pipe) : 0;

	(void)state;
	if (pipe)
		pclose(pipe);
	if (!sshd_program() || !got || sshd_version_parse(text, &client) != 0)
		skip();
	assert_int_equal(version->kind, SSHD_OPENSSH);
	assert_int_equal(version->major, client.major);
	assert_int_equal(version->minor, client.minor);
	assert_int_equal(version->debian, client.debian);
	assert_ptr_equal(version, sshd_version_local());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_read_from_all_that_prints_them),
		cmocka_unit_test(anything_else_is_no_version),
		cmocka_unit_test(releases_are_compared_as_numbers),
		cmocka_unit_test(the_local_one_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
