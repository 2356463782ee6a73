#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "control/failure.h"

static void every_code_makes_the_round_trip(void **state)
{
	struct error sent, received;
	json_t *packed;
	char *text;

	(void)state;
	for (unsigned code = 1; code < ERROR_COUNT; code++) {
		error_set(&sent, (enum error_code)code, "why: \"%u\" J\xc3\xbcrgen\n", code);
		sent.line = code % 2 ? code : 0;
		packed = failure_pack(&sent);
		text = json_dumps(packed, JSON_COMPACT);
		assert_true(text && failure_is(text));
		free(text);
		assert_non_null(packed);
		assert_int_equal(json_object_get(json_object_get(packed, "error"), "line") != NULL,
			sent.line != 0);
		assert_int_equal(failure_unpack(packed, &received), 0);
		assert_int_equal(failure_unpack(packed, NULL), 0);
		assert_int_equal(received.code, code);
		assert_int_equal(received.line, sent.line);
		assert_string_equal(received.message, sent.message);
		json_decref(packed);
	}
}

static void a_message_that_is_no_utf8_is_shown(void **state)
{
	struct error sent, received;
	json_t *packed;

	(void)state;
	error_set(&sent, ERROR_BAD_KEY, "/home/caf\xe9");
	packed = failure_pack(&sent);
	assert_int_equal(failure_unpack(packed, &received), 0);
	assert_int_equal(received.code, ERROR_BAD_KEY);
	assert_string_equal(received.message, "/home/caf\\xe9");
	json_decref(packed);
}

static void what_is_no_failure_is_told(void **state)
{
	static const char *const texts[] = {"{}", "[]", "{\"error\":\"x\"}", "{\"error\":{}}",
		"{\"error\":{\"code\":\"bad_key\"}}", "{\"error\":{\"code\":5,\"message\":\"x\"}}"};
	struct error error;
	json_t *answer;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		answer = json_loads(texts[i], 0, NULL);
		assert_int_equal(failure_unpack(answer, &error), -1);
		assert_int_equal(error.code, ERROR_INTERNAL);
		json_decref(answer);
	}
	assert_int_equal(failure_unpack(NULL, &error), -1);
	assert_int_equal(error.code, ERROR_INTERNAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_makes_the_round_trip),
		cmocka_unit_test(a_message_that_is_no_utf8_is_shown),
		cmocka_unit_test(what_is_no_failure_is_told),
	};

	return cmocka_run_group_tests_name("control/failure", tests, NULL, NULL);
}
