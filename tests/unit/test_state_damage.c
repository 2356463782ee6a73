/*
 * What the agent keeps beside its stores, with each byte damaged and cut at each length:
 * nothing is invented. (Stores: test_keys_store.c.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/log.h"
#include "daemon/journal_reader.h"
#include "daemon/pause.h"
#include "keys/block.h"
#include "keys/rebuild.h"
#include "keys/store.h"
#include "sys/instance.h"
#include "sys/instance_sources.h"
#include "test_keys_fixtures.h"

#define ID "0123456789abcdef"

static char directory[] = "/dev/shm/vastagent-damage-XXXXXX";

void __wrap_instance_read(struct instance *here);

/* Nothing of this machine decides. */
void __wrap_instance_read(struct instance *here)
{
	*here = (struct instance){.id = "12345"};
}

int __wrap_instance_id(char *id, size_t size);
int __wrap_instance_id(char *id, size_t size)
{
	snprintf(id, size, "12345");
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	/* A warning for each would be thousands. */
	log_set_level(LOG_LEVEL_ERROR);
	return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(directory);
}

/* Calls for the text with each bit of it flipped, and for each of its beginnings. */
static void each_damage(const char *text, size_t length,
	void (*call)(const char *text, size_t length, size_t first, void *context), void *context)
{
	char *copy = malloc(length + 1);

	assert_non_null(copy);
	memcpy(copy, text, length);
	copy[length] = '\0';
	for (size_t at = 0; at < length; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			copy[at] ^= (char)(1U << bit);
			call(copy, length, at, context);
			copy[at] ^= (char)(1U << bit);
		}
	while (length > 0) {
		copy[--length] = '\0';
		call(copy, length, length, context);
	}
	free(copy);
}

static void write_file(const char *path, const char *text, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), length);
	close(fd);
}

static char path[96];

static void load_damaged(const char *text, size_t length, size_t first, void *context)
{
	struct pause pause;

	(void)context;
	write_file(path, text, length);
	pause_load(directory, &pause);
	if (pause.on)
		fail_msg("a pause that is damaged at byte %zu lasts until %lld", first,
			(long long)pause.until);
	/* It is told once. */
	assert_int_not_equal(access(path, F_OK), 0);
}

static void a_damaged_pause_is_none(void **state)
{
	const struct pause saved = {.on = true, .until = time(NULL) + 600, .seconds = 600};
	struct pause loaded;
	char text[512];
	ssize_t length;
	int fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	snprintf(path, sizeof(path), "%s/pause", directory);
	assert_int_equal(pause_save(directory, &saved, NULL), 0);
	pause_load(directory, &loaded);
	assert_true(loaded.on && loaded.until == saved.until && loaded.seconds == 600);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = read(fd, text, sizeof(text));
	close(fd);
	assert_true(length > 0 && (size_t)length < sizeof(text));
	each_damage(text, (size_t)length, load_damaged, NULL);
}

#define BOOT     "6b2e4c1a-0000-4000-8000-0123456789ab 4711"
#define HANDOVER BOOT " C.12345 C.12345\n"

static void read_damaged(const char *text, size_t length, size_t first, void *context)
{
	char id[INSTANCE_ID_SIZE];

	(void)context;
	if (strlen(text) == length && instance_parse_handed_over(text, BOOT, id, sizeof(id)) == 0)
		fail_msg("damaged at byte %zu it is instance %s", first, id);
}

/* Another instance's keys are taken out: that must not come of a byte. */
static void a_damaged_id_is_none(void **state)
{
	char id[INSTANCE_ID_SIZE];

	(void)state;
	assert_int_equal(instance_parse_handed_over(HANDOVER, BOOT, id, sizeof(id)), 0);
	assert_string_equal(id, "12345");
	each_damage(HANDOVER, strlen(HANDOVER), read_damaged, NULL);
}

#define LINE(n) "{\"time\":\"2026-11-22T15:00:00Z\",\"event\":\"added\",\"n\":" #n "}\n"
#define JOURNAL LINE(1) LINE(2) LINE(3)

/* Lines that are not damaged are read, each once and in their order, whatever stands between. */
static void read_journal(const char *text, size_t length, size_t first, void *context)
{
	const size_t line = strlen(LINE(1));
	struct buffer read = BUFFER_EMPTY, part = BUFFER_EMPTY;
	const char *end = memrchr(text, '\n', length);
	size_t whole = end ? (size_t)(end + 1 - text) : 0;
	struct journal_reader reader;

	(void)context;
	write_file(path, text, length);
	assert_int_equal(journal_reader_open(&reader, directory), 0);
	while (journal_reader_next(&reader, &part)) {
		buffer_add(&read, part.data, part.length);
		buffer_clear(&part);
	}
	assert_int_equal(read.length, whole);
	assert_true(!whole || memcmp(read.data, text, whole) == 0);
	for (size_t i = 0; (i + 1) * line <= whole; i++)
		assert_true(first / line == i ||
			    memcmp(read.data + i * line, JOURNAL + i * line, line) == 0);
	journal_reader_close(&reader);
	buffer_free(&read);
	buffer_free(&part);
}

static void a_damaged_journal_loses_that_line(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "%s/events.jsonl", directory);
	each_damage(JOURNAL, strlen(JOURNAL), read_journal, NULL);
	unlink(path);
}

#define BEGIN "# BEGIN vastagent " ID " 7; words\n"
#define BLOCK BEGIN KEY " alice\n# END vastagent " ID "\n"

/*
 * A block is found whole, or not at all; taking it out never takes a byte that stands outside
 * of the markers. What a rebuilt store holds stands in the text.
 */
static void find_damaged(const char *begin, size_t length, size_t first, void *context)
{
	const size_t before = strlen(OTHER_KEY "\n");
	struct buffer text = BUFFER_EMPTY, foreign = BUFFER_EMPTY;
	struct store store = {.id = ID};
	struct block block;

	(void)context;
	(void)first;
	buffer_add_string(&text, OTHER_KEY "\n");
	buffer_add(&text, begin, length);
	buffer_add_string(&text, BLOCK + strlen(BEGIN));
	block_find(text.data, text.length, ID, &block);
	if (block.found) {
		assert_int_equal(block.begin, before);
		assert_int_equal(block.end, text.length);
	}
	assert_int_equal(block_take_out(text.data, text.length, &block, &foreign), 0);
	assert_true(foreign.length >= before - 1);
	assert_memory_equal(foreign.data, text.data, before - 1);
	assert_int_equal(rebuild_from_block(&store, text.data, text.length, NULL), 0);
	assert_true(store.count <= block.found);
	assert_string_equal(store.id, ID);
	store_free(&store);
	buffer_free(&text);
	buffer_free(&foreign);
}

static void a_damaged_begin_is_no_block_of_other_lines(void **state)
{
	(void)state;
	find_damaged(BEGIN, strlen(BEGIN), 0, NULL);
	each_damage(BEGIN, strlen(BEGIN), find_damaged, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_damaged_pause_is_none),
		cmocka_unit_test(a_damaged_id_is_none),
		cmocka_unit_test(a_damaged_journal_loses_that_line),
		cmocka_unit_test(a_damaged_begin_is_no_block_of_other_lines),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
