#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/packages.h"

static char root[] = "/tmp/test-packages-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

/* A system with that one program: the command for tmux. */
static const char *command_with(const char *program)
{
	static char command[80];
	int fd = open(path_of(program), O_CREAT | O_WRONLY, 0755);

	assert_true(fd >= 0);
	close(fd);
	assert_true(packages_install_command(root, "tmux", command, sizeof(command)));
	assert_int_equal(unlink(path_of(program)), 0);
	return command;
}

static void each_distribution_has_its_command(void **state)
{
	(void)state;
	assert_string_equal(
		command_with("usr/bin/apt-get"), "apt-get update && apt-get install -y tmux");
	assert_string_equal(command_with("sbin/apk"), "apk add --no-cache tmux");
	assert_string_equal(command_with("usr/bin/dnf"), "dnf install -y tmux");
	assert_string_equal(command_with("usr/bin/pacman"), "pacman -Sy --noconfirm tmux");
}

static void none_is_told_from_one(void **state)
{
	char command[80] = "x", small[8];
	int fd;

	(void)state;
	assert_false(packages_install_command(root, "tmux", command, sizeof(command)));
	assert_string_equal(command, "");
	fd = open(path_of("sbin/apk"), O_CREAT | O_WRONLY, 0644);
	close(fd);
	assert_false(packages_install_command(root, "tmux", command, sizeof(command)));
	assert_int_equal(chmod(path_of("sbin/apk"), 0755), 0);
	assert_false(packages_install_command(root, "tmux", small, sizeof(small)));
	assert_string_equal(small, "");
	assert_int_equal(unlink(path_of("sbin/apk")), 0);
}

static int make_root(void **state)
{
	(void)state;
	return mkdtemp(root) && mkdir(path_of("sbin"), 0755) == 0 &&
			       mkdir(path_of("usr"), 0755) == 0 &&
			       mkdir(path_of("usr/bin"), 0755) == 0
		       ? 0
		       : -1;
}

static int remove_root(void **state)
{
	(void)state;
	rmdir(path_of("sbin"));
	rmdir(path_of("usr/bin"));
	rmdir(path_of("usr"));
	return rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_distribution_has_its_command),
		cmocka_unit_test(none_is_told_from_one),
	};

	return cmocka_run_group_tests_name("sys_packages", tests, make_root, remove_root);
}
