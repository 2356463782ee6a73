/* The patterns of from="…". What is expected is what OpenSSH 9.2's sshd did. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "keys/from.h"
#include "keys/patterns.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *patterns, *address;
	bool matches;
} cases[] = {
	{"127.0.0.1", "127.0.0.1", true},
	{"127.0.0.1", "127.0.0.2", false},
	{"127.0.0.0/8", "127.255.0.1", true},
	{"127.0.0.0/8", "128.0.0.1", false},
	{"127.0.0.*", "127.0.0.99", true},
	{"127.0.?.1", "127.0.0.1", true},
	{"127.0.?.1", "127.0.10.1", false},
	{"*", "2001:db8::1", true},
	{"0.0.0.0/0", "192.0.2.1", true},
	{"0.0.0.0/0", "::1", false},
	{"::/0", "192.0.2.1", false},
	{"2001:db8::/32", "2001:db8:ffff::1", true},
	{"2001:db8::/32", "2001:db9::1", false},
	{"2001:0db8:0::1", "2001:db8::1", true},
	{"2001:DB8:*", "2001:db8::1", true},
	{"127.1", "127.0.0.1", true},
	{"0x7f.1", "127.0.0.1", true},
	{"2130706433", "127.0.0.1", true},
	{"!192.0.2.1,*", "192.0.2.1", false},
	{"*,!192.0.2.1", "192.0.2.1", false},
	{"!192.0.2.1,*", "192.0.2.2", true},
	{"!192.0.2.0/24,*", "192.0.2.77", false},
	{"!!192.0.2.1,*", "192.0.2.1", true},
	{"10.0.0.0/8,192.0.2.1", "192.0.2.1", true},
	{"192.0.2.1,10.0.0.1/8", "192.0.2.1", false},
	{"localhost", "127.0.0.1", false},
	{" 127.0.0.1", "127.0.0.1", false},
	{"127.0.0.1/32", "127.0.0.1", true},
	{"127.0.0.1/x", "127.0.0.1", false},
	{"1*7.*1", "127.0.0.1", true},
	{"**1", "127.0.0.1", true},
};

static void patterns_match_as_for_sshd(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (pattern_list_matches(cases[i].patterns, cases[i].address) != cases[i].matches)
			fail_msg("%s and %s", cases[i].patterns, cases[i].address);
}

static void what_locks_the_key_is_refused(void **state)
{
	static const struct {
		const char *patterns, *says;
	} refused[] = {
		{"", "an empty item"},
		{"127.0.0.1,", "an empty item"},
		{",127.0.0.1", "an empty item"},
		{"*,!", "an empty item"},
		{"127.0.0.1/8", "'127.0.0.1/8' is no network"},
		{"*,10.0.0.1/8", "'10.0.0.1/8' is no network"},
		{"!10.0.0.1/8,*", "'10.0.0.1/8' is no network"},
		{"127.0.0.1/33", "is no network"},
		{"127.0.0.1/33", "it is called 127.0.0.1/32"},
		{"2001:db8::1/32", "is no network"},
		{"!127.0.0.1", "only excludes"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct error error = {0};

		if (from_check(refused[i].patterns, NULL, &error) == 0)
			fail_msg("taken: %s", refused[i].patterns);
		assert_int_equal(error.code, ERROR_BAD_OPTION);
		if (!strstr(error.message, refused[i].says))
			fail_msg("%s: %s", refused[i].patterns, error.message);
	}
}

static void a_host_name_is_warned_of(void **state)
{
	static const char *const quiet[] = {
		"127.0.0.1", "10.0.0.0/8", "127.0.0.*", "2001:db8::1", "fe80::*", "*", "0x7f.1"};
	struct buffer warnings = BUFFER_EMPTY;

	(void)state;
	for (size_t i = 0; i < COUNT(quiet); i++)
		assert_int_equal(from_check(quiet[i], &warnings, NULL), 0);
	assert_int_equal(warnings.length, 0);
	assert_int_equal(from_check("*.example.org,10.0.0.0/8", &warnings, NULL), 0);
	assert_non_null(strstr(buffer_string(&warnings), "'*.example.org' is a name"));
	assert_int_equal(warnings.data[warnings.length - 1], '\n');
	warnings.length = 0;
	/* Letters of hexadecimal digits alone make no address. */
	assert_int_equal(from_check("192.0.2.1,f00.be", &warnings, NULL), 0);
	assert_non_null(strstr(buffer_string(&warnings), "'f00.be' is a name"));
	buffer_free(&warnings);
}

static void a_pattern_of_stars_ends_soon(void **state)
{
	char patterns[4096], address[64];

	(void)state;
	memset(patterns, '*', sizeof(patterns));
	for (size_t i = 1; i < sizeof(patterns); i += 2)
		patterns[i] = '1';
	patterns[sizeof(patterns) - 1] = '\0';
	memset(address, '1', sizeof(address));
	address[sizeof(address) - 1] = '\0';
	assert_false(pattern_list_matches(patterns, address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_as_for_sshd),
		cmocka_unit_test(what_locks_the_key_is_refused),
		cmocka_unit_test(a_host_name_is_warned_of),
		cmocka_unit_test(a_pattern_of_stars_ends_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
