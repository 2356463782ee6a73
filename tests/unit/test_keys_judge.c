#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keys/judge.h"

static void every_verdict(void **state)
{
	static const struct {
		struct judge_case facts; /* generation written, written, found, its own, missing */
		enum judge_verdict verdict;
	} rows[] = {
		{{0, 0, false, 0, 0}, JUDGE_INTACT},
		{{7, 0, false, 0, 0}, JUDGE_INTACT}, /* nothing is promised */
		{{7, 0, true, 6, 0}, JUDGE_INTACT},
		{{7, 2, true, 7, 0}, JUDGE_INTACT},
		{{7, 2, true, 7, 1}, JUDGE_TAKEN_OUT},
		{{7, 2, true, 7, 2}, JUDGE_TAKEN_OUT}, /* all lines, but the markers stand */
		{{7, 2, true, 6, 0}, JUDGE_STALE},
		{{7, 2, true, 6, 2}, JUDGE_STALE},
		{{7, 2, true, 8, 1}, JUDGE_STALE}, /* the store is the older one */
		{{7, 2, false, 0, 0}, JUDGE_REWRITTEN},
		{{7, 2, false, 0, 2}, JUDGE_REWRITTEN},
		{{7, 2, false, 7, 2}, JUDGE_REWRITTEN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(judge_decide(&rows[i].facts), rows[i].verdict);
}

static void every_verdict_has_a_word(void **state)
{
	(void)state;
	assert_string_equal(judge_verdict_name(JUDGE_INTACT), "intact");
	assert_string_equal(judge_verdict_name(JUDGE_TAKEN_OUT), "taken_out");
	assert_string_equal(judge_verdict_name(JUDGE_STALE), "stale");
	assert_string_equal(judge_verdict_name(JUDGE_REWRITTEN), "rewritten");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verdict),
		cmocka_unit_test(every_verdict_has_a_word),
	};

	return cmocka_run_group_tests_name("keys/judge", tests, NULL, NULL);
}
