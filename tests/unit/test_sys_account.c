#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/error.h"
#include "sys/account.h"

static void the_accounts_that_every_system_has(void **state)
{
	struct account root, nobody, by_uid;
	struct error error;

	(void)state;
	assert_int_equal(account_by_name("root", &root, &error), 0);
	assert_int_equal(root.uid, 0);
	assert_string_equal(root.home, "/root");
	assert_int_equal(root.groups[0], root.gid);
	assert_int_equal(account_by_name("nobody", &nobody, &error), 0);
	assert_int_equal(nobody.uid, 65534);
	assert_true(nobody.group_count >= 1);
	assert_int_equal(nobody.groups[0], nobody.gid);
	assert_non_null(nobody.shell);
	assert_int_equal(account_by_uid(65534, &by_uid, &error), 0);
	assert_string_equal(by_uid.name, "nobody");
	assert_int_equal(by_uid.shares_uid, nobody.shares_uid);
	account_free(&root);
	account_free(&nobody);
	account_free(&by_uid);
	assert_null(root.name);
	account_free(&root);
}

static void others_are_not_there(void **state)
{
	static const char *const names[] = {"", "no such user", "ROOT", "root:x", "roo", "root "};
	struct account account;
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(account_by_name(names[i], &account, &error), -1);
		assert_int_equal(error.code, ERROR_NO_SUCH_USER);
		assert_null(account.name);
	}
	assert_int_equal(account_by_uid(3999999999u, &account, &error), -1);
	assert_int_equal(error.code, ERROR_NO_SUCH_USER);
	assert_non_null(strstr(error.message, "3999999999"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_accounts_that_every_system_has),
		cmocka_unit_test(others_are_not_there),
	};

	return cmocka_run_group_tests_name("sys/account", tests, NULL, NULL);
}
