/* sshd's settings as text, and a real path as a child sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/account.h"
#include "sys/pathcheck.h"
#include "sys/sshd_settings.h"

static void test_lines(void **state)
{
	struct sshd_settings settings = {0};

	(void)state;
	assert_int_equal(sshd_lines_parse(&settings.lines,
				 "# c\nport 22\nPasswordAuthentication=no\n\n"
				 "\tAllowUsers  a b \r\nallowusers c\nbanner\nPort 23",
				 NULL),
		0);
	assert_string_equal(sshd_settings_get(&settings, "Port"), "22");
	assert_string_equal(sshd_settings_nth(&settings, "PORT", 1), "23");
	assert_null(sshd_settings_nth(&settings, "port", 2));
	assert_string_equal(sshd_settings_get(&settings, "passwordauthentication"), "no");
	assert_string_equal(sshd_settings_get(&settings, "AllowUsers"), "a b");
	assert_string_equal(sshd_settings_nth(&settings, "AllowUsers", 1), "c");
	assert_string_equal(sshd_settings_get(&settings, "Banner"), "");
	assert_null(sshd_settings_get(&settings, "usedns"));
	sshd_settings_free(&settings);
}

/* The line that is to be repaired is the one that holds. */
static void test_find(void **state)
{
	struct sshd_settings settings = {0};

	(void)state;
	sshd_lines_parse(&settings.lines, "permitrootlogin no\nusedns yes\n", NULL);
	sshd_lines_parse(&settings.files,
		"UseDNS yes\nPermitRootLogin yes\nMatch user x\nPermitRootLogin no\n", "/f");
	for (size_t i = 2; i < settings.files.count; i++)
		settings.files.list[i].in_match = true;
	assert_int_equal(sshd_settings_find(&settings, "PermitRootLogin")->line, 4);
	assert_int_equal(sshd_settings_find(&settings, "UseDNS")->line, 1);
	assert_null(sshd_settings_find(&settings, "Port"));
	sshd_settings_free(&settings);
}

static char directory[] = "/tmp/pathcheck.XXXXXX";

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	char command[80];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

static void test_path(void **state)
{
	char path[80], link_path[80], name[] = "me", shell[] = "/bin/sh";
	gid_t group = getgid();
	struct account account = {.name = name,
		.home = directory,
		.shell = shell,
		.uid = getuid(),
		.gid = group,
		.groups = &group,
		.group_count = 1};
	struct pathcheck check;
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/keys", directory);
	snprintf(link_path, sizeof(link_path), "%s/link", directory);
	assert_int_equal(pathcheck_read(&check, &account, path, NULL), 0);
	assert_int_equal(check.problem, ENOENT);
	assert_string_equal(check.where, path);
	assert_true(check.free_bytes > 0);
	pathcheck_free(&check);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("content", file);
	fclose(file);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(symlink("keys", link_path), 0);
	assert_int_equal(pathcheck_read(&check, &account, link_path, NULL), 0);
	assert_int_equal(check.problem, 0);
	assert_true(check.linked && check.is_link);
	assert_string_equal(buffer_string(&check.content), "content");
	/* Up to the home, and not further. */
	assert_int_equal(check.count, 2);
	assert_string_equal(check.parts[0].path, path);
	assert_int_equal(check.parts[0].mode, S_IFREG | 0640);
	assert_string_equal(check.parts[1].path, directory);
	pathcheck_free(&check);
	assert_int_equal(remove(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(pathcheck_read(&check, &account, path, NULL), 0);
	assert_true(S_ISFIFO(check.parts[0].mode));
	assert_int_equal(check.content.length, 0);
	pathcheck_free(&check);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_find),
		cmocka_unit_test_setup_teardown(test_path, make_directory, remove_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
