#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sys/account.h"
#include "sys/sshd.h"

/* AuthorizedKeysFile, by sshd_config(5); cases P1 to P3 were measured with sshd 9.2. */
static void patterns_become_a_path(void **state)
{
	static const struct {
		const char *patterns;
		const char *path; /* NULL: none is usable */
	} rows[] = {
		{".ssh/authorized_keys .ssh/authorized_keys2", "/home/alice/.ssh/authorized_keys"},
		{".ssh/authorized_keys", "/home/alice/.ssh/authorized_keys"},
		{"/etc/keys/%u", "/etc/keys/alice"},
		{"%h/.ssh/ak", "/home/alice/.ssh/ak"},
		{"/x/ak_%U", "/x/ak_1000"},
		{"/x/ak_%%h", "/x/ak_%h"},
		{"\"/x/a b/ak\"", "/x/a b/ak"},
		{"'/x/ak'", "/x/ak"},
		{"\"a b\" /y", "/home/alice/a b"},
		{"/x/ak # c", "/x/ak"},
		{"  \t/x/ak", "/x/ak"},
		{"/x/ak\t/y", "/x/ak"},
		{"/x/ak_%x /y", "/y"},
		{"/x/ak_% /y", "/y"},
		{"none", NULL},
		{"NONE", NULL},
		{"none /x/ak", "/x/ak"},
		{"nonesuch", "/home/alice/nonesuch"},
		{"/x/ak_%x", NULL},
		{"# /x", NULL},
		{"", NULL},
		{" ", NULL},
		{"%%", "/home/alice/%"},
	};
	const struct account account = {
		.name = (char *)"alice", .home = (char *)"/home/alice", .uid = 1000};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *path = sshd_expand_keys_path(rows[i].patterns, &account);

		if (!path != !rows[i].path || (path && strcmp(path, rows[i].path) != 0))
			fail_msg("%s: %s", rows[i].patterns, path ? path : "none");
		free(path);
	}
}

static void the_local_sshd_reads_some_file(void **state)
{
	struct account root;
	struct error error;
	char *path;

	(void)state;
	assert_int_equal(account_by_name("root", &root, &error), 0);
	assert_int_equal(sshd_keys_path(&root, &path, &error), 0);
	assert_int_equal(path[0], '/');
	assert_null(strchr(path, '%'));
	free(path);
	account_free(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_become_a_path),
		cmocka_unit_test(the_local_sshd_reads_some_file),
	};

	return cmocka_run_group_tests_name("sys/sshd", tests, NULL, NULL);
}
