#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

static void buffer_grows_and_stays_a_string(void **state)
{
	struct buffer buffer = BUFFER_EMPTY;

	(void)state;
	assert_string_equal(buffer_string(&buffer), "");
	for (int i = 0; i < 1000; i++)
		assert_int_equal(buffer_add_format(&buffer, "%03d,", i), 0);
	assert_int_equal(buffer.length, 4000);
	assert_int_equal(strlen(buffer.data), 4000);
	assert_memory_equal(buffer.data + 3996, "999,", 4);
	buffer_free(&buffer);
	assert_null(buffer.data);
}

static void buffer_remembers_a_failure(void **state)
{
	struct buffer buffer = BUFFER_EMPTY;

	(void)state;
	assert_null(buffer_reserve(&buffer, SIZE_MAX / 2));
	assert_true(buffer.failed);
	assert_int_equal(buffer_add_string(&buffer, "x"), -1);
	buffer_free(&buffer);
	assert_int_equal(buffer_add_string(&buffer, "x"), 0);
	buffer_free(&buffer);
}

static void numbers_are_digits_only(void **state)
{
	static const char *const bad[] = {
		"", "-1", "+1", " 1", "1 ", "0x10", "1e3", "101", "99999999999999999999", "one"};
	long value = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(text_number(bad[i], 0, 100, &value), -1);
	assert_int_equal(text_number(NULL, 0, 100, &value), -1);
	assert_int_equal(value, 7);
	assert_int_equal(text_number("100", 0, 100, &value), 0);
	assert_int_equal(value, 100);
}

static void check_visible(const char *text, size_t length, const char *expected)
{
	char out[64];

	text_visible(out, sizeof(out), text, length);
	assert_string_equal(out, expected);
	assert_int_equal(text_is_visible(text, length), strcmp(text, expected) == 0);
}

static void nothing_steers_a_terminal(void **state)
{
	(void)state;
	check_visible("alice@laptop", 12, "alice@laptop");
	check_visible("\xc3\xbc \xe6\x97\xa5 \xf0\x9f\x98\x80", 11,
		"\xc3\xbc \xe6\x97\xa5 \xf0\x9f\x98\x80");
	check_visible("a\nb\x1b[2J", 7, "a\\x0ab\\x1b[2J");
	check_visible("a\0b", 3, "a\\x00b");
	check_visible("\xff\xc0\x80", 3, "\\xff\\xc0\\x80"); /* invalid, overlong */
	check_visible("\xed\xa0\x80", 3, "\\xed\\xa0\\x80"); /* a surrogate */
	check_visible("\xe2\x80\xa8", 3, "\\xe2\\x80\\xa8"); /* U+2028 */
	check_visible("\xe2\x80\xae", 3, "\\xe2\\x80\\xae"); /* right-to-left override */
	check_visible("\xc2\x85", 2, "\\xc2\\x85");          /* NEL */
	check_visible("\xe2\x82", 2, "\\xe2\\x82");          /* cut off */
}

static void visible_text_is_cut_between_characters(void **state)
{
	char out[4];

	(void)state;
	assert_int_equal(text_visible(out, sizeof(out), "ab\xc3\xbc", 4), 2);
	assert_string_equal(out, "ab");
	assert_int_equal(text_visible(out, sizeof(out), "\x01", 1), 0);
	assert_string_equal(out, "");
}

static void times_make_the_round_trip(void **state)
{
	char out[32];
	time_t when;

	(void)state;
	assert_string_equal(text_time(out, sizeof(out), 1795332780), "2026-11-22T07:33:00Z");
	assert_int_equal(text_parse_time(out, &when), 0);
	assert_int_equal(when, 1795332780);
	assert_int_equal(text_parse_time("2026-11-22", &when), -1);
	assert_int_equal(text_parse_time("2026-11-22T07:33:00Zx", &when), -1);
}

static void check_percent(const char *in, const char *expected)
{
	char text[64];

	strcpy(text, in);
	if (!expected) {
		assert_int_equal(text_percent_decode(text), -1);
		return;
	}
	assert_int_equal(text_percent_decode(text), 0);
	assert_string_equal(text, expected);
}

static void percent_escapes_are_decoded_once(void **state)
{
	(void)state;
	check_percent("SHA256%3Aab+c%2Fd", "SHA256:ab+c/d");
	check_percent("%2541", "%41");
	check_percent("%", NULL);
	check_percent("%4", NULL);
	check_percent("%zz", NULL);
	check_percent("%00", NULL);
}

static void every_code_has_a_name_and_statuses(void **state)
{
	struct error error;

	(void)state;
	for (unsigned code = 0; code < ERROR_COUNT; code++) {
		assert_non_null(error_name((enum error_code)code));
		assert_int_equal(error_from_name(error_name((enum error_code)code)), code);
		assert_true(error_http_status((enum error_code)code) >= 200);
	}
	assert_int_equal(error_from_name("no such name"), ERROR_INTERNAL);
	errno = ENOENT;
	assert_int_equal(error_set_errno(&error, ERROR_BAD_KEY, "line %d", 3), -1);
	assert_string_equal(error.message, "line 3: No such file or directory");
	assert_int_equal(errno, ENOENT);
	assert_int_equal(error_exit_status(error.code), 65);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffer_grows_and_stays_a_string),
		cmocka_unit_test(buffer_remembers_a_failure),
		cmocka_unit_test(numbers_are_digits_only),
		cmocka_unit_test(nothing_steers_a_terminal),
		cmocka_unit_test(visible_text_is_cut_between_characters),
		cmocka_unit_test(times_make_the_round_trip),
		cmocka_unit_test(percent_escapes_are_decoded_once),
		cmocka_unit_test(every_code_has_a_name_and_statuses),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
