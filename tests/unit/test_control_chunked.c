/* The chunked coding: whatever pieces it comes in, the body is the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "control/chunked.h"

/* Decodes a text that comes in pieces of so many bytes. Returns the state at its end. */
static enum chunked_state decode(const char *text, size_t piece, char *body, size_t size)
{
	struct chunked chunked = CHUNKED_START;
	size_t length = strlen(text), used = 0, kept;
	char part[256];

	for (size_t i = 0; i < length; i += piece) {
		size_t next = length - i < piece ? length - i : piece;
		memcpy(part, text + i, next);
		kept = chunked_take(&chunked, part, next);
		assert_true(kept <= next && used + kept < size);
		memcpy(body + used, part, kept);
		used += kept;
	}
	body[used] = '\0';
	return chunked.state;
}

static void every_cut_gives_the_same_body(void **state)
{
	static const struct {
		const char *text, *body;
		enum chunked_state end;
	} cases[] = {
		{"3\r\nabc\r\n0\r\n\r\n", "abc", CHUNKED_OVER},
		{"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde", CHUNKED_OVER},
		{"0\r\n\r\n", "", CHUNKED_OVER},
		{"3;name=\"v\"\r\nabc\r\n0\r\n\r\n", "abc", CHUNKED_OVER},
		{"0A\r\n0123456789\r\n0\r\nTrailer: 1\r\nOther: 2\r\n\r\n", "0123456789",
			CHUNKED_OVER},
		{"4\r\n\r\n0\n\r\n0\r\n\r\n", "\r\n0\n", CHUNKED_OVER},
		{"3\nabc\n0\n\n", "abc", CHUNKED_OVER},
		{"3\r\nabc\r\n", "abc", CHUNKED_SIZE},
		{"5\r\nabc", "abc", CHUNKED_DATA},
		{"3\r\nabc\r\n0\r\n", "abc", CHUNKED_TRAILER},
		{"3\r\nabcd", "abc", CHUNKED_BROKEN},
		{"\r\nabc", "", CHUNKED_BROKEN},
		{"x\r\n", "", CHUNKED_BROKEN},
		{"-1\r\nabc", "", CHUNKED_BROKEN},
		{"ffffffffffffffffff\r\n", "", CHUNKED_BROKEN},
	};
	char body[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t piece = 1; piece < 40; piece++) {
			assert_int_equal(
				decode(cases[i].text, piece, body, sizeof(body)), cases[i].end);
			assert_string_equal(body, cases[i].body);
		}
}

/* What stands behind the end is not of this body. */
static void nothing_is_taken_behind_the_end(void **state)
{
	char body[64];

	(void)state;
	assert_int_equal(
		decode("1\r\na\r\n0\r\n\r\n3\r\nabc\r\n", 64, body, sizeof(body)), CHUNKED_OVER);
	assert_string_equal(body, "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_gives_the_same_body),
		cmocka_unit_test(nothing_is_taken_behind_the_end),
	};

	return cmocka_run_group_tests_name("control/chunked", tests, NULL, NULL);
}
