/* The store: what was promised is there again, and damage is refused, never guessed at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "keys/line.h"
#include "keys/rebuild.h"
#include "keys/store.h"
#include "sys/statefile.h"
#include "test_keys_fixtures.h"

#define ID        "0123456789abcdef"
#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))
#define PARTS     "\"comment\":\"c\",\"name\":\"n\",\"origin\":\"command\",\"added\":null,"
#define NEXT      "\"in_next\":true"
#define FLAGS     "\"removed\":false,\"removed_at\":null,\"by_hand\":false,\"in_block\":true," NEXT
#define KEY_START "{\"type\":\"ssh-ed25519\",\"key\":\"" BLOB_ED25519 "\",\"options\":\"\","
#define KEY_JSON  KEY_START PARTS "\"expires\":null," FLAGS "}"
#define INSTANCE  "\"instance\":\"12345\","
#define COUNTS    "\"generation\":3,\"written\":3,\"keys\":"
#define HEAD      "{\"version\":1,\"id\":\"" ID "\"," INSTANCE COUNTS

static char directory[] = "/dev/shm/vastagent-store-XXXXXX";
static char *path;

static int set_up(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	if (!mkdtemp(directory) || asprintf(&path, "%s/root.json", directory) < 0)
		return -1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (path) {
		char *before = store_before_path(path);

		unlink(path);
		unlink(before);
		free(before);
		rmdir(directory);
	}
	free(path);
	return 0;
}

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
	unlink(path);
}

static struct pubkey key_of(const char *text)
{
	struct key_line line;

	key_line_parse(text, strlen(text), &line);
	assert_int_equal(line.kind, KEY_LINE_KEY);
	return line.key;
}

static struct stored_key *add(struct store *store, const char *text)
{
	struct pubkey key = key_of(text);
	struct stored_key *added = store_add(store, &key);

	assert_non_null(added);
	pubkey_free(&key);
	return added;
}

static void write_text(const char *text, size_t length)
{
	struct buffer content = BUFFER_EMPTY;

	assert_int_equal(buffer_add(&content, text, length), 0);
	assert_int_equal(statefile_write(path, &content, NULL), 0);
	buffer_free(&content);
}

static int load_text(const char *text, struct store *store, struct error *error)
{
	write_text(text, strlen(text));
	return store_load(path, store, error);
}

static void check_refused(const char *text)
{
	struct store store;
	struct error error = {0};

	if (load_text(text, &store, &error) == 0) {
		store_free(&store);
		fail_msg("taken: %s", text);
	}
	assert_int_equal(error.code, ERROR_UNSAFE_FILE);
	assert_non_null(strstr(error.message, path));
}

static void a_missing_file_is_an_empty_store(void **state)
{
	struct store one, two;
	struct error error;

	(void)state;
	need_root();
	assert_int_equal(store_load(path, &one, &error), 0);
	assert_int_equal(store_load(path, &two, &error), 0);
	assert_int_equal(one.count, 0);
	assert_int_equal(one.generation, 0);
	assert_int_equal(strspn(one.id, "0123456789abcdef"), BLOCK_ID_SIZE - 1);
	assert_string_not_equal(one.id, two.id);
	store_free(&one);
	store_free(&two);
}

static void check_same_key(const struct stored_key *a, const struct stored_key *b)
{
	assert_true(pubkey_equal(&a->key, &b->key));
	assert_string_equal(a->key.type, b->key.type);
	assert_string_equal(a->options, b->options);
	assert_string_equal(a->comment, b->comment);
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->origin, b->origin);
	assert_int_equal(a->added, b->added);
	assert_int_equal(a->expires, b->expires);
	assert_int_equal(a->removed_at, b->removed_at);
	assert_true(a->removed == b->removed && a->by_hand == b->by_hand);
	assert_true(a->in_block == b->in_block);
}

static void fill(struct store *store)
{
	struct stored_key *key;

	strcpy(store->id, ID);
	strcpy(store->instance, "C.12345");
	store->generation = 4711;
	key = add(store, KEY);
	assert_int_equal(store_set_text(&key->options, "command=\"a \\\"b\\\" \\\\\""), 0);
	assert_int_equal(store_set_text(&key->comment, "J\xc3\xbcrgen \xf0\x9f\x98\x80"), 0);
	assert_int_equal(store_set_text(&key->name, "juergen"), 0);
	key->origin = ORIGIN_TEMPLATE;
	key->added = 1795332780;
	key->expires = 1795340000;
	key->in_block = true;
	key = add(store, "ssh-rsa " BLOB_RSA);
	key->removed = key->by_hand = true;
	key->removed_at = 1795332781;
	add(store, TYPE_SK_P256 " " BLOB_SK_P256);
}

static void what_was_saved_is_loaded(void **state)
{
	struct store store = {.count = 0}, loaded;
	struct error error;
	struct stat what;

	(void)state;
	need_root();
	fill(&store);
	assert_int_equal(store_save(path, &store, &error), 0);
	assert_int_equal(stat(path, &what), 0);
	assert_int_equal(what.st_mode & 07777, 0600);
	assert_int_equal(store_load(path, &loaded, &error), 0);
	assert_string_equal(loaded.id, ID);
	assert_string_equal(loaded.instance, "C.12345");
	assert_int_equal(loaded.generation, 4711);
	assert_int_equal(loaded.count, 3);
	for (size_t i = 0; i < 3; i++)
		check_same_key(&store.keys[i], &loaded.keys[i]);
	store_free(&store);
	store_free(&loaded);
}

static void an_entry_is_found_by_its_key(void **state)
{
	struct store store = {.count = 0};
	struct pubkey alias = key_of("rsa-sha2-512 " BLOB_RSA), other = key_of(OTHER_KEY);

	(void)state;
	fill(&store);
	assert_ptr_equal(store_find(&store, &alias), &store.keys[1]);
	assert_null(store_find(&store, &other));
	pubkey_free(&alias);
	pubkey_free(&other);
	store_free(&store);
}

static void a_whole_store_is_taken(void **state)
{
	struct store store;
	struct error error;

	(void)state;
	need_root();
	assert_int_equal(load_text(HEAD "[]}", &store, &error), 0);
	assert_int_equal(store.generation, 3);
	assert_string_equal(store.instance, "12345");
	store_free(&store);
	assert_int_equal(load_text(HEAD "[" KEY_JSON "]}", &store, &error), 0);
	assert_int_equal(store.count, 1);
	assert_true(store.keys[0].in_block);
	store_free(&store);
}

static void a_damaged_store_is_refused(void **state)
{
	static const char *const texts[] = {"", "{}", "[]", "null", "x", HEAD "[]} x", HEAD "[1]}",
		HEAD "[{}]}", HEAD "[" KEY_JSON "," KEY_JSON "]}",
		"{\"version\":2,\"id\":\"" ID "\"," INSTANCE "\"generation\":3,\"keys\":[]}",
		"{\"version\":\"1\",\"id\":\"" ID "\"," INSTANCE "\"generation\":3,\"keys\":[]}",
		"{\"version\":1,\"version\":1,\"id\":\"" ID "\"," INSTANCE
		"\"generation\":3,\"keys\":[]}",
		"{\"version\":1,\"id\":\"" ID "\"," INSTANCE "\"generation\":-3,\"keys\":[]}",
		"{\"version\":1,\"id\":\"" ID "\"," INSTANCE "\"generation\":3.5,\"keys\":[]}",
		"{\"version\":1,\"id\":\"" ID "\"," INSTANCE "\"generation\":\"3\",\"keys\":[]}",
		"{\"version\":1,\"id\":\"0123456789abcde\"," INSTANCE
		"\"generation\":3,\"keys\":[]}",
		"{\"version\":1,\"id\":\"0123456789abcde\\n\"," INSTANCE
		"\"generation\":3,\"keys\":[]}",
		"{\"version\":1,\"id\":\"0123456789ABCDEF\"," INSTANCE
		"\"generation\":3,\"keys\":[]}",
		"{\"version\":1,\"id\":5," INSTANCE "\"generation\":3,\"keys\":[]}",
		"{\"version\":1,\"id\":\"" ID "\"," INSTANCE "\"generation\":3}",
		HEAD "[{\"type\":\"ssh-rsa\",\"key\":\"" BLOB_ED25519
		     "\",\"options\":\"\"," PARTS FLAGS "}]}",
		HEAD "[{\"type\":\"ssh-ed25519\",\"key\":\"AAAA\",\"options\":\"\"," PARTS FLAGS
		     "}]}"};

	(void)state;
	need_root();
	for (size_t i = 0; i < COUNT(texts); i++)
		check_refused(texts[i]);
}

/* Taken for an empty list, they would make every promise forgotten. */
static void keys_that_are_no_list_are_refused(void **state)
{
	(void)state;
	need_root();
	check_refused(HEAD "{}}");
	check_refused(HEAD "null}");
	check_refused(HEAD "\"x\"}");
}

/* Taken for "never", it would let a key in for good. */
static void a_time_that_is_none_is_refused(void **state)
{
	(void)state;
	need_root();
	check_refused(HEAD "[" KEY_START PARTS "\"expires\":\"tomorrow\"," FLAGS "}]}");
	check_refused(HEAD "[" KEY_START PARTS "\"expires\":1795340000," FLAGS "}]}");
	check_refused(HEAD "[" KEY_START PARTS "\"expires\":true," FLAGS "}]}");
}

static void a_store_cut_at_any_length_is_refused(void **state)
{
	struct store store = {.count = 0};
	struct buffer whole = BUFFER_EMPTY;
	struct error error;
	bool exists;

	(void)state;
	need_root();
	fill(&store);
	assert_int_equal(store_save(path, &store, &error), 0);
	store_free(&store);
	assert_int_equal(statefile_read(path, 1 << 20, &whole, &exists, &error), 0);
	while (whole.length > 0 && strchr("\n ", whole.data[whole.length - 1]))
		whole.length--;
	for (size_t length = whole.length; length-- > 0;) {
		assert_int_equal(truncate(path, (off_t)length), 0);
		assert_int_equal(store_load(path, &store, &error), -1);
		assert_int_equal(error.code, ERROR_UNSAFE_FILE);
	}
	buffer_free(&whole);
}

/* A flipped bit in a key would be another key, in a name another person. */
static void a_store_with_any_byte_flipped_is_damaged(void **state)
{
	struct store store = {.count = 0};
	struct buffer whole = BUFFER_EMPTY;
	struct error error;
	bool exists;
	int fd;

	(void)state;
	need_root();
	fill(&store);
	assert_int_equal(store_save(path, &store, &error), 0);
	store_free(&store);
	assert_int_equal(statefile_read(path, 1 << 20, &whole, &exists, &error), 0);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (size_t at = 0; at < whole.length; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			char byte = (char)(whole.data[at] ^ (char)(1U << bit));

			assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
			if (store_load(path, &store, &error) == 0)
				fail_msg("taken with bit %u of byte %zu flipped", bit, at);
			assert_int_equal(error.code, ERROR_UNSAFE_FILE);
			assert_true(store.damaged);
			assert_int_equal(store.count, 0);
		}
		assert_int_equal(pwrite(fd, whole.data + at, 1, (off_t)at), 1);
	}
	close(fd);
	/* As it was, it is taken: the loop has looked at what was saved. */
	assert_int_equal(store_load(path, &store, &error), 0);
	store_free(&store);
	buffer_free(&whole);
}

/* Whoever edits a store takes the sum out of it. */
static void a_sum_that_is_wrong_is_worse_than_none(void **state)
{
	static const char sum[] = "{\"sum\":\"0123456789abcdef0123456789abcdef"
				  "0123456789abcdef0123456789abcdef\",";
	struct buffer text = BUFFER_EMPTY;

	(void)state;
	need_root();
	buffer_add_format(&text, "%s%s", sum, HEAD "[]}" + 1);
	check_refused(text.data);
	buffer_free(&text);
}

#define BEGIN(id, n) "# BEGIN vastagent " id " " n "; words\n"
#define END(id)      "# END vastagent " id "\n"

static void rebuild(struct store *store, const char *id, const char *text)
{
	*store = (struct store){.count = 0};
	strcpy(store->id, id);
	assert_int_equal(rebuild_from_block(store, text, strlen(text), NULL), 0);
}

static void a_block_gives_back_its_store(void **state)
{
	static const char text[] =
		OTHER_KEY "\n" BEGIN(ID, "7") "restrict,command=\"a b\" " KEY
					      " alice\nssh-rsa " BLOB_RSA "\n" END(ID) "# more\n";
	struct pubkey other = key_of(OTHER_KEY), first = key_of(KEY);
	struct store store;

	(void)state;
	rebuild(&store, "", text);
	assert_string_equal(store.id, ID);
	assert_int_equal(store.generation, 7);
	assert_int_equal(store.written, 7);
	assert_int_equal(store.count, 2);
	assert_true(pubkey_equal(&store.keys[0].key, &first));
	assert_string_equal(store.keys[0].options, "restrict,command=\"a b\"");
	assert_true(store.keys[0].in_block && store.keys[0].in_next && !store.keys[0].removed);
	assert_null(store_find(&store, &other));
	store_free(&store);
	pubkey_free(&other);
	pubkey_free(&first);
}

static void the_known_id_says_which_block(void **state)
{
	static const char text[] = BEGIN(ID, "2") KEY "\n" END(ID) BEGIN("ffffffffffffffff", "9")
		OTHER_KEY "\n" END("ffffffffffffffff") BEGIN("eeeeeeeeeeeeeeee", "3") "no end\n";
	struct store store;

	(void)state;
	rebuild(&store, ID, text);
	assert_int_equal(store.generation, 2);
	assert_int_equal(store.count, 1);
	store_free(&store);
	rebuild(&store, "", text);
	assert_string_equal(store.id, "ffffffffffffffff");
	store_free(&store);
	rebuild(&store, "0000000000000000", text);
	assert_string_equal(store.id, "0000000000000000");
	assert_int_equal(store.count, 0);
	store_free(&store);
}

static void without_a_block_there_is_nothing(void **state)
{
	static const char *const texts[] = {"", KEY, BEGIN(ID, "2"), BEGIN(ID, "2") KEY "\n",
		"# BEGIN vastagent 0123", END(ID), "# BEGIN vastagent XYZ3456789abcdef 1;\n"};
	struct store store;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		rebuild(&store, "", texts[i]);
		assert_int_equal(store.count, 0);
		assert_int_equal(store.generation, 0);
		assert_int_equal(strspn(store.id, "0123456789abcdef"), BLOCK_ID_SIZE - 1);
		store_free(&store);
	}
}

/* Saves a store twice, the first time as it is wanted back, and rebuilds it from a text. */
static void rebuild_with_before(struct store *store, const char *text)
{
	struct store old = {.count = 0};
	char *before = store_before_path(path);
	struct stored_key *key;

	unlink(path);
	strcpy(old.id, ID);
	old.generation = old.written = 4;
	key = add(&old, KEY);
	key->in_block = key->in_next = true;
	key->origin = ORIGIN_TEMPLATE;
	assert_int_equal(store_set_text(&key->name, "alice"), 0);
	key = add(&old, OTHER_KEY);
	key->removed = true;
	key->removed_at = 1000;
	assert_int_equal(store_save(path, &old, NULL), 0);
	assert_int_equal(store_save(path, &old, NULL), 0);
	store_free(&old);
	*store = (struct store){.damaged = true};
	assert_int_equal(rebuild_store(path, store, text, strlen(text), 2000, NULL), 0);
	/* The damaged one does not take the place of the one before. */
	assert_int_equal(store_save(path, store, NULL), 0);
	assert_int_equal(store_load(before, &old, NULL), 0);
	assert_int_equal(old.generation, 4);
	store_free(&old);
	unlink(before);
	free(before);
}

static void the_store_before_knows_what_the_block_does_not(void **state)
{
	struct pubkey first = key_of(KEY), other = key_of(OTHER_KEY);
	const struct stored_key *key;
	struct store store;

	(void)state;
	need_root();
	rebuild_with_before(&store, BEGIN(ID, "5") KEY " alice\nssh-rsa " BLOB_RSA "\n" END(ID));
	assert_int_equal(store.count, 3);
	assert_int_equal(store.generation, 5);
	key = store_find(&store, &first);
	assert_true(key && key->in_block && key->origin == ORIGIN_TEMPLATE);
	assert_string_equal(key->name, "alice");
	key = store_find(&store, &other);
	assert_true(key && key->removed && key->removed_at == 1000 && !key->in_block);
	store_free(&store);
	pubkey_free(&first);
	pubkey_free(&other);
}

/* It lets nothing in that may have been removed since. */
static void the_store_before_brings_no_key_back(void **state)
{
	static const char *const texts[] = {
		"", OTHER_KEY "\n", BEGIN(ID, "5") "ssh-rsa " BLOB_RSA "\n" END(ID)};
	struct pubkey first = key_of(KEY);
	const struct stored_key *key;
	struct store store;

	(void)state;
	need_root();
	for (size_t i = 0; i < COUNT(texts); i++) {
		rebuild_with_before(&store, texts[i]);
		key = store_find(&store, &first);
		assert_true(key && key->removed && key->by_hand && key->removed_at == 2000);
		assert_false(key->in_block || key->in_next);
		store_free(&store);
	}
	/* That block is its own: what a person took out of it, the judge has to say. */
	rebuild_with_before(&store, BEGIN(ID, "4") "ssh-rsa " BLOB_RSA "\n" END(ID));
	key = store_find(&store, &first);
	assert_true(key && !key->removed && key->in_block);
	store_free(&store);
	pubkey_free(&first);
}

static void a_store_that_others_can_write_is_refused(void **state)
{
	struct store store;
	struct error error;

	(void)state;
	need_root();
	write_text(HEAD "[]}", strlen(HEAD "[]}"));
	assert_int_equal(chmod(path, 0660), 0);
	assert_int_equal(store_load(path, &store, &error), -1);
	assert_int_equal(error.code, ERROR_UNSAFE_FILE);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(chown(path, 1, 0), 0);
	assert_int_equal(store_load(path, &store, &error), -1);
	assert_int_equal(error.code, ERROR_UNSAFE_FILE);
}

static void a_name_is_no_way_out_of_the_directory(void **state)
{
	static const char *const bad[] = {"", ".", "..", ".hidden", "a/b", "/etc", "../x"};
	char long_name[202], *made = store_path("/s", "alice");

	(void)state;
	assert_string_equal(made, "/s/keys/alice.json");
	free(made);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_null(store_path("/s", bad[i]));
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	assert_null(store_path("/s", long_name));
}

static void a_store_that_cannot_be_written_is_told(void **state)
{
	struct store store = {.id = ID};
	struct error error;

	(void)state;
	need_root();
	assert_int_equal(store_save("/run/no-such-directory/x.json", &store, &error), -1);
	assert_int_equal(error.code, ERROR_CANNOT_WRITE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_missing_file_is_an_empty_store),
		cmocka_unit_test(what_was_saved_is_loaded),
		cmocka_unit_test(an_entry_is_found_by_its_key),
		cmocka_unit_test(a_whole_store_is_taken),
		cmocka_unit_test(a_damaged_store_is_refused),
		cmocka_unit_test(keys_that_are_no_list_are_refused),
		cmocka_unit_test(a_time_that_is_none_is_refused),
		cmocka_unit_test(a_store_cut_at_any_length_is_refused),
		cmocka_unit_test(a_store_with_any_byte_flipped_is_damaged),
		cmocka_unit_test(a_sum_that_is_wrong_is_worse_than_none),
		cmocka_unit_test(a_block_gives_back_its_store),
		cmocka_unit_test(the_known_id_says_which_block),
		cmocka_unit_test(without_a_block_there_is_nothing),
		cmocka_unit_test(the_store_before_knows_what_the_block_does_not),
		cmocka_unit_test(the_store_before_brings_no_key_back),
		cmocka_unit_test(a_store_that_others_can_write_is_refused),
		cmocka_unit_test(a_name_is_no_way_out_of_the_directory),
		cmocka_unit_test(a_store_that_cannot_be_written_is_told),
	};

	return cmocka_run_group_tests_name("keys/store", tests, set_up, tear_down);
}
