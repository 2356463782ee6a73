/* A whole file: its lines, their numbers, and whose they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
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
	view_begin(text, strlen(text), ID, view);
	assert_int_equal(view_index(view), 0);
}

/* The next line of a walk that begins with *walk zeroed. */
static void next(const struct view *view, struct view_walk *walk, struct view_line *line)
{
	walk->end = view->length;
	assert_true(view_next(view, walk, line));
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
	struct view_line line = {0};
	struct view_walk walk = {0};
	struct view view;

	(void)state;
	parse(text, &view);
	next(&view, &walk, &line);
	assert_int_equal(line.number, 3);
	assert_int_equal(line.offset, 5);
	assert_int_equal(line.length, strlen(KEY " a"));
	next(&view, &walk, &line);
	assert_int_equal(line.number, 5);
	assert_int_equal(line.parsed.kind, KEY_LINE_INVALID);
	assert_false(line.in_block);
	next(&view, &walk, &line);
	assert_int_equal(line.number, 7);
	assert_true(line.in_block);
	next(&view, &walk, &line);
	assert_int_equal(line.number, 9);
	assert_false(line.in_block);
	assert_int_equal(line.offset + line.length, strlen(text));
	assert_false(view_next(&view, &walk, &line));
	view_free(&view);
}

static void an_empty_file_has_no_lines(void **state)
{
	static const char *const texts[] = {"", "\n", "\n\n", "#", "# x\n"};
	struct view view;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct view_walk walk = {.end = strlen(texts[i])};
		struct view_line line = {0};

		parse(texts[i], &view);
		assert_false(view_next(&view, &walk, &line));
		view_free(&view);
	}
}

static void a_nul_does_not_end_the_file(void **state)
{
	static const char text[] = KEY " a\0junk\n" OTHER_KEY "\n";
	struct view_line line = {0};
	struct view_walk walk = {0};
	struct view view;

	(void)state;
	view_begin(text, sizeof(text) - 1, ID, &view);
	next(&view, &walk, &line);
	next(&view, &walk, &line);
	assert_int_equal(line.number, 2);
	view_line_free(&line);
}

static size_t count_part(const struct view *view, size_t part, size_t parts, long *number)
{
	struct view_walk walk = view_part(view, part, parts);
	struct view_line line = {0};
	size_t count = 0;

	for (; view_next(view, &walk, &line); count++)
		assert_int_equal(line.number, ++*number);
	return count;
}

static void parts_are_the_whole(void **state)
{
	static const char text[] = KEY "\nx\n" OTHER_KEY "\ny\nz";
	struct view view;

	(void)state;
	parse(text, &view);
	for (size_t parts = 1; parts < 2 * sizeof(text); parts++) {
		size_t count = 0;
		long number = 0;

		for (size_t part = 0; part < parts; part++)
			count += count_part(&view, part, parts, &number);
		assert_int_equal(count, 5);
	}
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
	struct view_line line = {0};
	struct view view;

	parse(text, &view);
	assert_int_equal(view_find(&view, store, &store->keys[0].key, foreign, &line), number != 0);
	assert_int_equal(line.number, number);
	view_line_free(&line);
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

static void check_line_is_found(const char *text)
{
	struct key_line parsed;
	struct view view;

	key_line_parse(text, strlen(text), &parsed);
	assert_int_equal(parsed.kind, KEY_LINE_KEY);
	parse(text, &view);
	if (!view_find(&view, NULL, &parsed.key, false, NULL))
		fail_msg("not found: %s", text);
	view_free(&view);
	key_line_free(&parsed);
}

/* However its base64 ends, and whatever stands around it. */
static void every_type_is_found(void **state)
{
	static const char *const keys[] = {KEY, OTHER_KEY, "ssh-rsa " BLOB_RSA, RSA,
		TYPE_P256 " " BLOB_P256, TYPE_P384 " " BLOB_P384, TYPE_P521 " " BLOB_P521,
		TYPE_SK_ED25519 " " BLOB_SK_ED25519, TYPE_SK_P256 " " BLOB_SK_P256};
	char text[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		check_line_is_found(keys[i]);
		snprintf(text, sizeof(text), " %s\t comment\r", keys[i]);
		check_line_is_found(text);
		snprintf(text, sizeof(text), "%s\r", keys[i]);
		check_line_is_found(text);
		snprintf(text, sizeof(text), "command=\"a ssh-rsa AAAAAAAAAAAA b\",restrict \t%s",
			keys[i]);
		check_line_is_found(text);
	}
}

/* sshd reads the application of a security key as text: a NUL at its end is not one. */
static void a_nul_behind_the_application_is_no_other_key(void **state)
{
	static const char text[] = TYPE_SK_ED25519 " " BLOB_SK_ED25519;
	unsigned char blob[256];
	struct pubkey padded;
	struct key_line parsed;
	struct view view;
	char *base64, line[512];

	(void)state;
	key_line_parse(text, strlen(text), &parsed);
	padded = parsed.key;
	memcpy(blob, padded.blob, padded.length);
	assert_memory_equal(blob + padded.length - 5, "\4ssh:", 5);
	blob[padded.length - 5] = 5;
	blob[padded.length++] = '\0';
	padded.blob = blob;
	base64 = pubkey_base64(&padded);
	snprintf(line, sizeof(line), "%s %s", TYPE_SK_ED25519, base64);
	parse(line, &view);
	assert_true(view_find(&view, NULL, &parsed.key, false, NULL));
	view_free(&view);
	free(base64);
	key_line_free(&parsed);
}

/* What an account can make of its own file must not exhaust the machine's memory. */
static void check_memory(const char *line)
{
	static char text[8 * 1024 * 1024 + 1];
	size_t length = strlen(line), used = 0;
	struct view view = {0};
	struct rusage before, after;
	long megabytes;

	for (; used + length < sizeof(text); used += length)
		memcpy(text + used, line, length);
	text[used] = '\0';
	getrusage(RUSAGE_SELF, &before);
	parse(text, &view);
	getrusage(RUSAGE_SELF, &after);
	view_free(&view);
	megabytes = (after.ru_maxrss - before.ru_maxrss) / 1024;
	if (megabytes > 128)
		fail_msg("8 MiB of lines took %ld MiB of memory: %s", megabytes, line);
}

static void the_largest_file_fits_into_memory(void **state)
{
	(void)state;
	check_memory("x\n");
	check_memory("ssh-rsa AAAAAAAAAA\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_numbered_as_an_editor_does),
		cmocka_unit_test(an_empty_file_has_no_lines),
		cmocka_unit_test(a_nul_does_not_end_the_file),
		cmocka_unit_test(parts_are_the_whole),
		cmocka_unit_test(the_agents_lines_are_taken_out),
		cmocka_unit_test(strangers_between_the_markers_are_kept),
		cmocka_unit_test(a_key_is_found_by_its_numbers),
		cmocka_unit_test(every_type_is_found),
		cmocka_unit_test(a_nul_behind_the_application_is_no_other_key),
		cmocka_unit_test(the_largest_file_fits_into_memory),
	};

	return cmocka_run_group_tests_name("keys/view", tests, NULL, NULL);
}
