/*
 * Root's own files of state, whatever stands in them: damaged, cut, edited. A store that
 * is taken is saved and read as the same one; with one byte changed it is not taken at all.
 */
#include "fuzz.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "daemon/journal_reader.h"
#include "daemon/pause.h"
#include "keys/rebuild.h"
#include "keys/store.h"
#include "sys/homefile_journal.h"
#include "sys/homefile_merge.h"
#include "sys/instance.h"

void __wrap_instance_read(struct instance *here);

static char path[128];

/* Nothing of this machine decides. */
void __wrap_instance_read(struct instance *here)
{
	*here = (struct instance){.id = "12345"};
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	require(sodium_init() >= 0);
	snprintf(path, sizeof(path), "%s/state", fuzz_directory());
	return 0;
}

static void check_same(const struct store *a, const struct store *b)
{
	require(strcmp(a->id, b->id) == 0 && strcmp(a->instance, b->instance) == 0);
	require(a->generation == b->generation && a->written == b->written);
	require(a->count == b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct stored_key *x = &a->keys[i], *y = &b->keys[i];

		require(pubkey_equal(&x->key, &y->key) && x->origin == y->origin);
		require(strcmp(x->options, y->options) == 0 && strcmp(x->name, y->name) == 0);
		require(strcmp(x->comment, y->comment) == 0);
		require(x->added == y->added && x->expires == y->expires);
		require(x->removed == y->removed && x->removed_at == y->removed_at);
		require(x->by_hand == y->by_hand && x->in_block == y->in_block);
		require(x->in_next == y->in_next);
	}
}

/* One byte of what was saved is another one now. */
static void check_flip(unsigned where, uint8_t mask)
{
	struct store store;
	struct error error = {0};
	size_t length;
	char *text = fuzz_read(path, &length);

	text[where % length] = (char)(text[where % length] ^ (mask ? mask : 1));
	fuzz_write(path, text, length);
	require(store_load(path, &store, &error) != 0 && store.damaged && store.count == 0);
	require(error.code == ERROR_UNSAFE_FILE);
	store_free(&store);
	free(text);
}

/* What goes into the block is one line. */
static void check_texts(const struct store *store)
{
	for (size_t i = 0; i < store->count; i++) {
		require(fuzz_is_visible(store->keys[i].options));
		require(fuzz_is_visible(store->keys[i].comment));
		require(fuzz_is_visible(store->keys[i].name));
		require(store_find(store, &store->keys[i].key) == &store->keys[i]);
	}
}

static void check_saved(const struct store *store)
{
	struct store again;
	struct error error = {0};

	check_texts(store);
	require(store_save(path, store, &error) == 0);
	require(store_load(path, &again, &error) == 0);
	check_same(store, &again);
	store_free(&again);
}

static void check_store(struct fuzz_input *input)
{
	unsigned where = fuzz_byte(input) * 256U + fuzz_byte(input);
	uint8_t mask = fuzz_byte(input);
	struct error error = {0};
	struct store store;
	int result;

	fuzz_write(path, input->at, input->left);
	result = store_load(path, &store, &error);
	require(result == 0 || (error.code && store.count == 0));
	if (result == 0) {
		check_saved(&store);
		check_flip(where, mask);
	} else if (store.damaged) {
		require(rebuild_from_block(&store, (const char *)input->at, input->left, &error) ==
			0);
		require(strlen(store.id) == BLOCK_ID_SIZE - 1);
		check_saved(&store);
	}
	store_free(&store);
}

#define SUM_SIZE (2 * crypto_hash_sha256_BYTES + 1)

static void sum_of(const struct fuzz_input *input, char digits[SUM_SIZE])
{
	unsigned char sum[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(sum, input->at, input->left);
	sodium_bin2hex(digits, SUM_SIZE, sum, sizeof(sum));
}

/* The input is the members of a store, whose sum is right. */
static void check_summed(struct fuzz_input *input)
{
	char digits[SUM_SIZE];
	struct buffer text = BUFFER_EMPTY;
	struct store store;
	struct error error = {0};

	sum_of(input, digits);
	buffer_add_format(&text, "{\n \"sum\": \"%s\",\n", digits);
	buffer_add(&text, input->at, input->left);
	fuzz_write(path, text.data, text.length);
	if (store_load(path, &store, &error) == 0)
		check_texts(&store);
	else
		require(error.code == ERROR_INTERNAL && !store.damaged && store.count == 0);
	store_free(&store);
	buffer_free(&text);
}

/* A file of keys with blocks of any store. */
static void check_rebuild(struct fuzz_input *input)
{
	struct store store = {.id = ""};
	struct error error = {0};

	if (fuzz_byte(input) & 1)
		strcpy(store.id, "0123456789abcdef");
	require(rebuild_from_block(&store, (const char *)input->at, input->left, &error) == 0);
	require(strlen(store.id) == BLOCK_ID_SIZE - 1);
	check_saved(&store);
	store_free(&store);
}

/* A text of one line gets the sum that makes it one that was saved. */
static void check_pause(struct fuzz_input *input)
{
	struct buffer saved = BUFFER_EMPTY;
	struct pause pause, again;
	char digits[SUM_SIZE];
	size_t length;
	char *text;

	snprintf(path, sizeof(path), "%s/pause", fuzz_directory());
	buffer_add(&saved, input->at, input->left);
	if (input->left && memchr(input->at, '\n', input->left) == input->at + input->left - 1) {
		sum_of(input, digits);
		buffer_add_format(&saved, "%s\n", digits);
	}
	fuzz_write(path, buffer_string(&saved), saved.length);
	buffer_free(&saved);
	pause_load(fuzz_directory(), &pause);
	require(pause.on || (!pause.until && !pause.seconds));
	require(pause_left(&pause, time(NULL)) >= 0);
	/* What could not be taken is gone, and does not come up again. */
	text = fuzz_read(path, &length);
	require(pause.on == (text != NULL) || input->left > 4096);
	free(text);
	pause_load(fuzz_directory(), &again);
	require(again.on == pause.on && again.until == pause.until);
}

/* Each byte that a newline follows is read, once, in order. */
static void check_journal(struct fuzz_input *input)
{
	struct buffer lines = BUFFER_EMPTY;
	struct journal_reader reader;
	const char *all = (const char *)input->at;
	const char *end = input->left ? memrchr(all, '\n', input->left) : NULL;
	size_t whole = end ? (size_t)(end + 1 - all) : 0, got = 0;

	snprintf(path, sizeof(path), "%s/events.jsonl", fuzz_directory());
	fuzz_write(path, all, input->left);
	require(journal_reader_open(&reader, fuzz_directory()) == 0);
	while (journal_reader_next(&reader, &lines)) {
		require(lines.length > 0 && lines.data[lines.length - 1] == '\n');
		require(got + lines.length <= whole);
		require(memcmp(all + got, lines.data, lines.length) == 0);
		got += lines.length;
		buffer_clear(&lines);
	}
	require(got == whole);
	require(journal_reader_behind(&reader) == (off_t)(input->left - whole));
	journal_reader_close(&reader);
	require(journal_reader_open(&reader, fuzz_directory()) == 0);
	journal_reader_skip(&reader);
	require(!journal_reader_next(&reader, &lines));
	journal_reader_close(&reader);
	buffer_free(&lines);
}

/* The journal of a write in place: as a file of any bytes, and cut off anywhere. */
static void check_repair(struct fuzz_input *input)
{
	size_t cut = fuzz_byte(input), common, length;
	struct buffer before = BUFFER_EMPTY, after = BUFFER_EMPTY, found = BUFFER_EMPTY;
	struct buffer repaired = BUFFER_EMPTY;
	char *text = fuzz_part(input, &length);

	buffer_add(&before, text, length);
	free(text);
	text = fuzz_part(input, &length);
	buffer_add(&after, text, length);
	fuzz_write(path, text, length);
	if (homefile_journal_repair(path, "/k", &before, &repaired))
		require(!repaired.failed);
	buffer_free(&repaired);
	require(homefile_journal_write(path, "/k", &before, &after, NULL) == 0);
	/* Behind what the texts have in common so much was written before the end. */
	common = homefile_common(&before, &after);
	length = common + cut < after.length ? common + cut : after.length;
	buffer_add(&found, buffer_string(&after), length);
	if (before.length > length)
		buffer_add(&found, before.data + length, before.length - length);
	require(homefile_journal_repair(path, "/k", &found, &repaired));
	require(homefile_equal(&repaired, &after));
	require(!homefile_journal_repair(path, "/other", &found, &repaired));
	free(text);
	buffer_free(&before);
	buffer_free(&after);
	buffer_free(&found);
	buffer_free(&repaired);
}

/* The first byte says which file it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const checks[])(struct fuzz_input *) = {
		check_store, check_summed, check_rebuild, check_pause, check_journal, check_repair};
	struct fuzz_input input = {data, size};
	unsigned which = fuzz_byte(&input);

	snprintf(path, sizeof(path), "%s/state", fuzz_directory());
	checks[which % (sizeof(checks) / sizeof(checks[0]))](&input);
	return 0;
}
