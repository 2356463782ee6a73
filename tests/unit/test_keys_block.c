/* The block goes in and comes out again, and other people's bytes are never touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buffer.h"
#include "keys/block.h"

#define ID       "0123456789abcdef"
#define OTHER_ID "fedcba9876543210"
#define LINES    "ssh-ed25519 AAAA alice\nssh-ed25519 BBBB bob\n"
#define SEED     UINT64_C(0x20261122)
#define ROUNDS   20000

static struct buffer text_of(const char *text)
{
	struct buffer buffer = BUFFER_EMPTY;

	assert_int_equal(buffer_add_string(&buffer, text), 0);
	return buffer;
}

static int put(const struct buffer *foreign, unsigned long generation, const struct buffer *lines,
	struct buffer *file)
{
	buffer_add(file, buffer_string(foreign), foreign->length);
	return block_append(file, ID, generation, lines);
}

/* Puts a block behind the text and finds it there. */
static void put_and_find(const struct buffer *foreign, unsigned long generation,
	struct buffer *file, struct block *block)
{
	struct buffer lines = text_of(LINES);

	assert_int_equal(put(foreign, generation, &lines, file), 0);
	block_find(file->data, file->length, ID, block);
	buffer_free(&lines);
}

static void check_equal(const struct buffer *a, const struct buffer *b)
{
	assert_int_equal(a->length, b->length);
	if (a->length)
		assert_memory_equal(a->data, b->data, a->length);
}

static void check_round_trip(const struct buffer *foreign, unsigned long generation)
{
	struct buffer file = BUFFER_EMPTY, back = BUFFER_EMPTY;
	struct block block;

	put_and_find(foreign, generation, &file, &block);
	assert_true(block.found);
	assert_true(block.generation == generation);
	assert_int_equal(block.end, file.length);
	assert_int_equal(block.lines_end - block.lines, strlen(LINES));
	assert_memory_equal(file.data + block.lines, LINES, strlen(LINES));
	assert_memory_equal(file.data, buffer_string(foreign), foreign->length);
	assert_int_equal(block_take_out(file.data, file.length, &block, &back), 0);
	check_equal(foreign, &back);
	buffer_free(&file);
	buffer_free(&back);
}

static void the_block_stands_at_the_end(void **state)
{
	struct buffer foreign = text_of("a\nb\n"), file = BUFFER_EMPTY;
	struct block block;

	(void)state;
	put_and_find(&foreign, 42, &file, &block);
	assert_int_equal(block.begin, 4);
	assert_false(block.joined);
	assert_memory_equal(file.data, "a\nb\n# BEGIN vastagent " ID " 42; ", 43);
	assert_non_null(strstr(file.data, "vastagent rmkey NAME"));
	assert_non_null(strstr(file.data, "vastagent pause"));
	assert_non_null(strstr(file.data, "\n" LINES "# END vastagent " ID "\n"));
	buffer_free(&foreign);
	buffer_free(&file);
}

static void no_lines_no_block(void **state)
{
	struct buffer foreign = text_of("a"), lines = BUFFER_EMPTY, file = BUFFER_EMPTY;

	(void)state;
	assert_int_equal(put(&foreign, 1, &lines, &file), 0);
	check_equal(&foreign, &file);
	buffer_free(&foreign);
	buffer_free(&file);
}

static void special_texts_come_back(void **state)
{
	static const char *const texts[] = {"", "a", "a\n", "\n", "\n\n", "a\r", "a\r\n", "#",
		"# BEGIN vastagent " ID " 3; x", "# BEGIN vastagent " ID " 3; x\n",
		"# BEGIN vastagent " ID " 3 joined; x\nk\n", "# END vastagent " ID,
		"# END vastagent " ID "\n",
		"# BEGIN vastagent " ID " 3; x\nk\n# END vastagent " ID "\nz",
		"\n# BEGIN vastagent " ID " 3 joined; x\nk\n# END vastagent " ID,
		"# BEGIN vastagent " OTHER_ID " 3; x\nk\n# END vastagent " OTHER_ID "\n",
		"# END vastagent " ID "\n# BEGIN vastagent " ID " 9; "};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct buffer foreign = text_of(texts[i]);

		check_round_trip(&foreign, i);
		buffer_free(&foreign);
	}
}

static uint64_t generator;

/* xorshift64*: the same bytes at every run. */
static uint64_t next_random(void)
{
	generator ^= generator >> 12;
	generator ^= generator << 25;
	generator ^= generator >> 27;
	return generator * UINT64_C(2685821657736338717);
}

static void add_piece(struct buffer *text)
{
	static const char *const pieces[] = {"\n", "\r", "\r\n", " ", "#", "ssh-ed25519 AAAA x\n",
		"# BEGIN vastagent " ID " ", "# BEGIN vastagent " OTHER_ID " ",
		"# END vastagent " ID "\n", "# END vastagent " ID, "# END vastagent " OTHER_ID "\n",
		"# BEGIN vastagent " ID " 12; x\nk\n# END vastagent " ID "\n",
		"# BEGIN vastagent " ID " 12 joined; x\nk\n# END vastagent " ID "\n",
		"# BEGIN vastagent " OTHER_ID " 12; x\nk\n# END vastagent " OTHER_ID "\n", "17",
		" joined", "; words\n", "# BEGIN vastagent ", "# END"};
	const size_t count = sizeof(pieces) / sizeof(pieces[0]);
	uint64_t choice = next_random() % (count + 4);
	unsigned char byte = (unsigned char)next_random();

	if (choice < count)
		buffer_add_string(text, pieces[choice]);
	else if (choice < count + 3)
		buffer_add(text, &byte, 1);
	else
		buffer_add(text, "\0", 1);
}

static void random_foreign_bytes_come_back(void **state)
{
	(void)state;
	print_message("seed %#llx, %d rounds\n", (unsigned long long)SEED, ROUNDS);
	generator = SEED;
	for (int round = 0; round < ROUNDS; round++) {
		struct buffer foreign = BUFFER_EMPTY;

		for (uint64_t pieces = next_random() % 12; pieces > 0; pieces--)
			add_piece(&foreign);
		check_round_trip(&foreign, (unsigned long)(next_random() % 100000));
		buffer_free(&foreign);
	}
}

/* Replacing a block, as each change of the agent's does, changes nothing around it. */
static void a_hundred_changes_leave_the_foreign_bytes(void **state)
{
	struct buffer foreign = text_of("x\ny"), lines = text_of(LINES), file = BUFFER_EMPTY;
	struct block block;

	(void)state;
	for (unsigned long generation = 1; generation <= 100; generation++) {
		struct buffer kept = BUFFER_EMPTY;

		block_find(buffer_string(generation == 1 ? &foreign : &file),
			generation == 1 ? foreign.length : file.length, ID, &block);
		block_take_out(buffer_string(generation == 1 ? &foreign : &file),
			generation == 1 ? foreign.length : file.length, &block, &kept);
		check_equal(&foreign, &kept);
		buffer_free(&file);
		assert_int_equal(put(&kept, generation, &lines, &file), 0);
		buffer_free(&kept);
	}
	buffer_free(&foreign);
	buffer_free(&lines);
	buffer_free(&file);
}

/* Lines that others appended behind the block stay lines of their own. */
static void what_follows_the_block_is_kept(void **state)
{
	static const struct {
		const char *before, *behind, *foreign;
	} rows[] = {
		{"a\n", "z\n", "a\nz\n"},
		{"a", "z\n", "a\nz\n"}, /* without the newline they would be one line */
		{"", "z", "z"},
		{"a", "", "a"},
		{"a\n", "\n", "a\n\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buffer foreign = text_of(rows[i].before), file = BUFFER_EMPTY;
		struct buffer back = BUFFER_EMPTY;
		struct block block;

		put_and_find(&foreign, 5, &file, &block);
		buffer_add_string(&file, rows[i].behind);
		block_find(file.data, file.length, ID, &block);
		assert_true(block.found);
		assert_int_equal(block_take_out(file.data, file.length, &block, &back), 0);
		assert_string_equal(buffer_string(&back), rows[i].foreign);
		buffer_free(&foreign);
		buffer_free(&file);
		buffer_free(&back);
	}
}

static void only_a_whole_block_of_this_id_is_one(void **state)
{
	static const char *const none[] = {"", "k\n", "# BEGIN vastagent " ID " 1; x\nk\n",
		"k\n# END vastagent " ID "\n",
		"# BEGIN vastagent " OTHER_ID " 1; x\nk\n# END vastagent " OTHER_ID "\n",
		"# BEGIN vastagent " ID " 1; x\nk\n# END vastagent " OTHER_ID "\n",
		" # BEGIN vastagent " ID " 1; x\nk\n# END vastagent " ID "\n",
		"# BEGIN vastagent " ID " x; x\nk\n# END vastagent " ID "\n",
		"# BEGIN vastagent " ID " -1; x\nk\n# END vastagent " ID "\n",
		"# BEGIN vastagent " ID " 1x; x\nk\n# END vastagent " ID "\n",
		"# END vastagent " ID "\nk\n# BEGIN vastagent " ID " 1; x\n"};
	struct block block;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		block_find(none[i], strlen(none[i]), ID, &block);
		if (block.found)
			fail_msg("found one in: %s", none[i]);
	}
}

/* An editor may save the block with other line ends, or leave out the last one. */
static void an_edited_block_is_still_found(void **state)
{
	static const char *const some[] = {"# BEGIN vastagent " ID " 1; x\nk\n# END vastagent " ID,
		"# BEGIN vastagent " ID " 1\nk\n# END vastagent " ID "\n",
		"# BEGIN vastagent " ID " 1; x\r\nk\r\n# END vastagent " ID "\r\n",
		"# BEGIN vastagent " ID " 1; x\n# END vastagent " ID "\n"};
	struct block block;

	(void)state;
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		block_find(some[i], strlen(some[i]), ID, &block);
		assert_true(block.found);
		assert_true(block.generation == 1);
		assert_true(block.begin == 0 && block.end == strlen(some[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_block_stands_at_the_end),
		cmocka_unit_test(no_lines_no_block),
		cmocka_unit_test(special_texts_come_back),
		cmocka_unit_test(random_foreign_bytes_come_back),
		cmocka_unit_test(a_hundred_changes_leave_the_foreign_bytes),
		cmocka_unit_test(what_follows_the_block_is_kept),
		cmocka_unit_test(only_a_whole_block_of_this_id_is_one),
		cmocka_unit_test(an_edited_block_is_still_found),
	};

	return cmocka_run_group_tests_name("keys/block", tests, NULL, NULL);
}
