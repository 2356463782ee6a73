#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "sys/homefile_merge.h"

static struct buffer text(const char *string)
{
	return (struct buffer){.data = (char *)string, .length = strlen(string)};
}

static void late_texts_are_merged(void **state)
{
	static const struct {
		const char *before, *mine, *late, *current, *merged;
	} rows[] = {
		/* appended to the old file: behind what stands there now */
		{"a\n", "a\nB\n", "a\nx\n", "a\nB\n", "a\nB\nx\n"},
		{"a\n", "a\nB\n", "a\nx\ny\n", "a\nC\n", "a\nC\nx\ny\n"},
		{"a", "a\nB\n", "a\nx\n", "a\nB\n", "a\nB\nx\n"},
		{"a", "a\nB\n", "ax\n", "a\nB\n", "a\nB\nx\n"},
		{"", "B\n", "x\n", "B\n", "B\nx\n"},
		{"a\n", "a\nB\n", "a\n\nx\n", "a\nB\n", "a\nB\n\nx\n"},
		{"a\n", "a\nB", "a\nx\n", "a\nB", "a\nB\nx\n"},
		/* rewritten: it is the new text, with what came behind ours since */
		{"a\nb\n", "a\nb\nB\n", "b\n", "a\nb\nB\n", "b\n"},
		{"a\nb\n", "a\nb\nB\n", "b\n", "a\nb\nB\nx\n", "b\nx\n"},
		{"a\n", "a\nB\n", "", "a\nB\n", ""},
		/* both rewritten: no line of either is lost */
		{"a\n", "a\nB\n", "z\n", "y\n", "y\nz\n"},
		{"a\n", "a\nB\n", "z\na\ny\n", "y\n", "y\nz\n"},
		{"a\n", "a\nB\n", "z", "y", "y\nz\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buffer before = text(rows[i].before), mine = text(rows[i].mine);
		struct buffer late = text(rows[i].late), current = text(rows[i].current);
		struct buffer merged = BUFFER_EMPTY;

		assert_int_equal(homefile_merge(&before, &mine, &late, &current, true, &merged), 0);
		assert_string_equal(buffer_string(&merged), rows[i].merged);
		buffer_free(&merged);
	}
}

/* Lines of a shell script do not stand for themselves. */
static void scripts_are_not_mixed(void **state)
{
	struct buffer before = text("a\n"), mine = text("a\nB\n"), late = text("z\n");
	struct buffer current = text("y\n"), merged = BUFFER_EMPTY;

	(void)state;
	assert_int_equal(homefile_merge(&before, &mine, &late, &current, false, &merged), 0);
	assert_string_equal(buffer_string(&merged), "y\n");
	buffer_free(&merged);
}

static void assert_repairs(const struct buffer *before, const struct buffer *after,
	const char *found, size_t length, const char *tail)
{
	struct buffer torn = BUFFER_EMPTY, wanted = BUFFER_EMPTY, repaired = BUFFER_EMPTY;

	buffer_add(&torn, found, length);
	buffer_add_string(&torn, tail);
	buffer_add(&wanted, after->data, after->length);
	buffer_add_string(&wanted, tail);
	assert_true(homefile_repair(before, after, &torn, &repaired));
	assert_true(homefile_equal(&repaired, &wanted));
	buffer_free(&torn);
	buffer_free(&wanted);
	buffer_free(&repaired);
}

/* Every state that a write from the first byte on, then a cut, can be broken off in. */
static void every_broken_write_is_repaired(void **state)
{
	static const char *const pairs[][2] = {
		{"foreign\nBEGIN 1\nk1\nEND\n", "foreign\nBEGIN 2\nk1\nk2\nEND\n"},
		{"foreign\nBEGIN 2\nk1\nk2\nEND\n", "foreign\nBEGIN 3\nk2\nEND\n"},
		{"foreign\nBEGIN 3\nk2\nEND\n", "foreign\n"}, {"foreign\n", "foreign\nBEGIN\n"},
		{"", "new\n"}, {"old\n", ""}};
	char found[256];

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct buffer before = text(pairs[i][0]), after = text(pairs[i][1]);

		for (size_t at = 0; at <= after.length; at++) {
			size_t length = at > before.length ? at : before.length;

			memcpy(found, before.data, before.length);
			memcpy(found, after.data, at);
			assert_repairs(&before, &after, found, length, "");
			assert_repairs(&before, &after, found, length, "zzz appended\n");
		}
		assert_repairs(&before, &after, after.data, after.length, "");
	}
}

static void what_somebody_wrote_since_is_left(void **state)
{
	struct buffer before = text("foreign\nBEGIN 1\nEND\n");
	struct buffer after = text("foreign\nBEGIN 2\nk\nEND\n");
	struct buffer found = text("platform\n"), repaired = BUFFER_EMPTY;

	(void)state;
	assert_false(homefile_repair(&before, &after, &found, &repaired));
	found = text("");
	assert_false(homefile_repair(&before, &after, &found, &repaired));
	found = text("foreign\n");
	assert_false(homefile_repair(&before, &after, &found, &repaired));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(late_texts_are_merged),
		cmocka_unit_test(scripts_are_not_mixed),
		cmocka_unit_test(every_broken_write_is_repaired),
		cmocka_unit_test(what_somebody_wrote_since_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
