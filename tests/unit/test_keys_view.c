/* A whole file: its lines, their numbers, and whose they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/resource.h>

#include "base/buffer.h"
#include "base/error.h"
#include "keys/store.h"
#include "keys/view.h"
#include "test_keys_fixtures.h"

#define ID    "0123456789abcdef"
#define BEGIN "# BEGIN vastagent " ID " 3; words\n"
#define END   "# END vastagent " ID "\n"
#define RSA   "ssh-rsa " BLOB_RSA_1024

/* A store that knows the key of the line. */
static void know(struct store *store, const char *line)
{
	struct key_line parsed;

	key_line_parse(line, strlen(line), &parsed);
	assert_int_equal(parsed.kind, KEY_LINE_KEY);
	assert_non_null(store_add(store, &parsed.key));
	key_line_free(&parsed);
}

static void parse(const char *text, struct view *view)
{
	assert_int_equal(view_parse(text, strlen(text), ID, view), 0);
}

static void check_foreign(const char *text, const struct store *store, const char *expected)
{
	struct buffer foreign = BUFFER_EMPTY;
	struct view view;

	parse(text, &view);
	assert_int_equal(view_foreign_text(&view, store, &foreign), 0);
	assert_string_equal(buffer_string(&foreign), expected);
	buffer_free(&foreign);
	view_free(&view);
}

static void lines_are_numbered_as_an_editor_does(void **state)
{
	static const char text[] = "# c\n\n" KEY " a\n \t\r\nbad\n" BEGIN OTHER_KEY "\n" END RSA;
	struct view view;

	(void)state;
	parse(text, &view);
	assert_int_equal(view.count, 4);
	assert_int_equal(view.lines[0].number, 3);
	assert_int_equal(view.lines[0].offset, 5);
	assert_int_equal(view.lines[0].length, strlen(KEY " a"));
	assert_int_equal(view.lines[1].number, 5);
	assert_int_equal(view.lines[1].parsed.kind, KEY_LINE_INVALID);
	assert_int_equal(view.lines[2].number, 7);
	assert_int_equal(view.lines[3].number, 9);
	assert_int_equal(view.lines[3].offset + view.lines[3].length, strlen(text));
	assert_false(view.lines[1].in_block || view.lines[3].in_block);
	assert_true(view.lines[2].in_block);
	view_free(&view);
	assert_null(view.lines);
}

static void an_empty_file_has_no_lines(void **state)
{
	static const char *const texts[] = {"", "\n", "\n\n", "#", "# x\n"};
	struct view view;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		parse(texts[i], &view);
		assert_int_equal(view.count, 0);
		view_free(&view);
	}
}

static void a_nul_does_not_end_the_file(void **state)
{
	static const char text[] = KEY " a\0junk\n" OTHER_KEY "\n";
	struct view view;

	(void)state;
	assert_int_equal(view_parse(text, sizeof(text) - 1, ID, &view), 0);
	assert_int_equal(view.count, 2);
	assert_int_equal(view.lines[1].number, 2);
	view_free(&view);
}

static void the_agents_lines_are_taken_out(void **state)
{
	struct store store = {.id = ID};

	(void)state;
	know(&store, KEY);
	check_foreign("a\n" BEGIN KEY " x\n" END, &store, "a\n");
	check_foreign("a\n" BEGIN "restrict " KEY "\n" END "z\n", &store, "a\nz\n");
	check_foreign("a\n" BEGIN "foobar " KEY "\n" END, &store, "a\n");
	check_foreign("a\n", &store, "a\n");
	check_foreign(KEY "\n", &store, KEY "\n"); /* known, but outside the block */
	store_free(&store);
}

static void strangers_between_the_markers_are_kept(void **state)
{
	struct store store = {.id = ID};

	(void)state;
	know(&store, KEY);
	check_foreign(
		"a\n" BEGIN KEY "\n" OTHER_KEY " hers\n" END, &store, "a\n" OTHER_KEY " hers\n");
	check_foreign(BEGIN "# a note\n" KEY "\njunk\n" END "z\n", &store, "z\n# a note\njunk\n");
	check_foreign("a\n" BEGIN OTHER_KEY "\n" END "z", &store, "a\nz\n" OTHER_KEY "\n");
	/* A copy of the block that another store wrote is theirs altogether. */
	check_foreign("# BEGIN vastagent fedcba9876543210 1; x\n" KEY
		      "\n# END vastagent fedcba9876543210\n",
		&store,
		"# BEGIN vastagent fedcba9876543210 1; x\n" KEY
		"\n# END vastagent fedcba9876543210\n");
	store_free(&store);
}

static void check_found(const char *text, const struct store *store, bool foreign, long number)
{
	const struct view_line *line;
	struct view view;

	parse(text, &view);
	line = view_find(&view, store, &store->keys[0].key, foreign);
	assert_int_equal(line ? line->number : 0, number);
	view_free(&view);
}

static void a_key_is_found_by_its_numbers(void **state)
{
	struct store store = {.id = ID};

	(void)state;
	know(&store, RSA);
	check_found(KEY "\nrsa-sha2-512 " BLOB_RSA_1024 "\n", &store, true, 2);
	check_found(KEY "\n", &store, true, 0);
	check_found("foobar " RSA "\n" RSA "\n", &store, true, 2); /* sshd drops line 1 */
	check_found("# " RSA "\n", &store, true, 0);
	check_found(BEGIN RSA "\n" END, &store, false, 2);
	check_found(BEGIN RSA "\n" END, &store, true, 0);
	check_found(BEGIN RSA "\n" END RSA, &store, true, 4);
	store_free(&store);
}

/* What an account can make of its own file must not exhaust the machine's memory. */
static void the_largest_file_fits_into_memory(void **state)
{
	static char text[8 * 1024 * 1024 + 1];
	struct view view = {0};
	struct rusage before, after;
	long megabytes;

	(void)state;
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "x\n", 2);
	getrusage(RUSAGE_SELF, &before);
	assert_int_equal(view_parse(text, strlen(text), ID, &view), 0);
	getrusage(RUSAGE_SELF, &after);
	view_free(&view);
	megabytes = (after.ru_maxrss - before.ru_maxrss) / 1024;
	if (megabytes > 512)
		fail_msg("8 MiB of lines took %ld MiB of memory", megabytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_numbered_as_an_editor_does),
		cmocka_unit_test(an_empty_file_has_no_lines),
		cmocka_unit_test(a_nul_does_not_end_the_file),
		cmocka_unit_test(the_agents_lines_are_taken_out),
		cmocka_unit_test(strangers_between_the_markers_are_kept),
		cmocka_unit_test(a_key_is_found_by_its_numbers),
		cmocka_unit_test(the_largest_file_fits_into_memory),
	};

	return cmocka_run_group_tests_name("keys/view", tests, NULL, NULL);
}
