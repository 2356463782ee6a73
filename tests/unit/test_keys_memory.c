/*
 * Each allocation fails once, while keys are read, found and kept: nothing is lost from
 * memory, and nothing is told that is not so. What is pasted comes from the fuzzers' seeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "keys/certificate.h"
#include "keys/from.h"
#include "keys/import.h"
#include "keys/lint.h"
#include "keys/rebuild.h"
#include "keys/store.h"
#include "keys/view.h"
#include "memory_faults.h"
#include "test_keys_fixtures.h"

#define ID "0123456789abcdef"

static void note_key(const struct pubkey *key, FILE *outcome)
{
	char fingerprint[PUBKEY_FINGERPRINT_SIZE] = "no key";

	if (key->blob)
		pubkey_fingerprint(key, fingerprint);
	fprintf(outcome, "%s ", fingerprint);
}

static void note_import(const struct import *import, FILE *outcome)
{
	for (size_t i = 0; i < import->key_count; i++) {
		const struct import_key *key = &import->keys[i];

		note_key(&key->key, outcome);
		fprintf(outcome, "%ld '%s' '%s' %u %lld\n", key->line, key->options, key->comment,
			key->parsed.used, (long long)key->parsed.expires);
	}
	for (size_t i = 0; i < import->reject_count; i++)
		fprintf(outcome, "%ld %s\n", import->rejects[i].line,
			import->rejects[i].error.message);
	fputs(buffer_string(&import->notes), outcome);
}

static int import(const char *text, size_t length, bool separators, FILE *outcome)
{
	struct import import;
	struct error error = {0};
	int result = import_parse(text, length, separators, &import, &error);

	if (result == 0)
		note_import(&import, outcome);
	else
		result = memory_note_error(&error, outcome);
	if (import.notes.failed)
		result = -1;
	import_free(&import);
	return result;
}

static int import_plain(const char *text, size_t length, FILE *outcome)
{
	return import(text, length, false, outcome);
}

static int import_separated(const char *text, size_t length, FILE *outcome)
{
	return import(text, length, true, outcome);
}

static void what_is_pasted(void **state)
{
	(void)state;
	memory_fail_each_seed("import", import_plain, 1);
	memory_fail_each_seed("import", import_separated, 1);
	memory_fail_each_seed("import_forms", import_plain, 1);
	memory_fail_each_seed("import_forms", import_separated, 1);
}

static int note_line(const struct key_line *line, FILE *outcome)
{
	fprintf(outcome, "%d %u %d ", (int)line->kind, line->options.used,
		(int)line->comment_length);
	note_key(&line->key, outcome);
	return line->kind == KEY_LINE_INVALID ? memory_note_error(&line->error, outcome) : 0;
}

static int read_from(const struct key_line *line, FILE *outcome)
{
	struct buffer warnings = BUFFER_EMPTY;
	struct error error = {0};
	char *from = NULL;
	int result = 0;

	if (line->kind != KEY_LINE_KEY)
		return 0;
	if (key_options_value(line->options_text, line->options_length, "from", &from) != 0)
		return -1;
	if (from && from_check(from, &warnings, &error) != 0)
		result = memory_note_error(&error, outcome);
	fprintf(outcome, "%s", buffer_string(&warnings));
	if (warnings.failed)
		result = -1;
	buffer_free(&warnings);
	free(from);
	return result;
}

static int read_line(const char *text, size_t length, FILE *outcome)
{
	struct key_line line;
	int result;

	key_line_parse(text, length, &line);
	result = note_line(&line, outcome);
	if (result == 0)
		result = read_from(&line, outcome);
	if (result == 0 && line.key.blob) {
		char *base64 = pubkey_base64(&line.key);

		fprintf(outcome, "%s", base64 ? base64 : "");
		result = base64 ? 0 : -1;
		free(base64);
	}
	key_line_free(&line);
	return result;
}

static void a_line(void **state)
{
	(void)state;
	memory_fail_each_seed("line", read_line, 0);
	memory_fail_each_seed("grammar", read_line, 0);
}

/* A finding or its repair may be missing then: whoever asks the doctor asks again. */
static int lint(const char *text, size_t length, FILE *outcome)
{
	const struct lint_rules rules = {
		.rsa_bits = 2048, .sshd = 902, .dropbear = true, .now = 1700000000};
	struct lint lint;
	int result = lint_file(text, length, &rules, &lint);

	(void)outcome;
	lint_free(&lint);
	return result;
}

static void a_lint(void **state)
{
	(void)state;
	memory_fail_each_seed("lint", lint, 0);
}

/* A key that was not found because of memory would count as taken out by a person. */
static int find_all(const struct view *view, FILE *outcome)
{
	static const char *const keys[] = {"ssh-ed25519 " BLOB_ED25519, "ssh-rsa " BLOB_RSA,
		TYPE_P256 " " BLOB_P256, TYPE_SK_ED25519 " " BLOB_SK_ED25519};
	const struct store nobody = {.count = 0};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct view_line found = {0};
		struct key_line line;

		key_line_parse(keys[i], strlen(keys[i]), &line);
		if (!line.key.blob)
			return -1;
		if (view_find(view, &nobody, &line.key, false, &found))
			fprintf(outcome, "%ld ", found.number);
		fprintf(outcome, "%d\n", view_find_other(view, &nobody, &line.key, 1000, NULL));
		view_line_free(&found);
		key_line_free(&line);
	}
	return 0;
}

static int look_at(const char *text, size_t length, FILE *outcome)
{
	struct buffer foreign = BUFFER_EMPTY;
	struct view_walk walk = {.end = length};
	struct view_line line = {0};
	struct store store = {.id = ID};
	atomic_bool unread = false;
	struct view view;
	int result = -1;

	view_begin(text, length, ID, &view);
	view.unread = &unread;
	if (view_index(&view) != 0 || view_expect(&view, 1000) != 0 ||
		find_all(&view, outcome) != 0)
		goto out;
	while (view_next(&view, &walk, &line)) {
		fprintf(outcome, "%ld %d ", line.number, line.in_block);
		note_line(&line.parsed, outcome);
		if (line.in_block && line.parsed.key.blob &&
			!store_find(&store, &line.parsed.key) &&
			!store_add(&store, &line.parsed.key))
			goto out;
	}
	result = view_foreign_text(&view, &store, &foreign);
	if (result == 0)
		fwrite(buffer_string(&foreign), 1, foreign.length, outcome);
out:
	view_line_free(&line);
	store_free(&store);
	view_free(&view);
	buffer_free(&foreign);
	return unread ? -1 : result;
}

#define BLOCK                                                                                      \
	"# BEGIN vastagent " ID " 7; words\n"                                                      \
	"restrict,expiry-time=\"20300101\" " KEY " alice\n"                                        \
	"from=\"192.0.2.1\" ssh-rsa " BLOB_RSA " bob\n# END vastagent " ID "\n"
#define FILE_TEXT                                                                                  \
	OTHER_KEY " platform\n" TYPE_SK_ED25519 " " BLOB_SK_ED25519 "\ncommand=\"a\" " TYPE_P256   \
		  " " BLOB_P256 "\n" BLOCK "# behind\n"

static void a_file(void **state)
{
	(void)state;
	memory_fail_each("a file", look_at, FILE_TEXT, strlen(FILE_TEXT));
	memory_fail_each_seed("view", look_at, 0);
}

static void note_store(const struct store *store, FILE *outcome)
{
	fprintf(outcome, "%s %s %lu %lu %d\n", store->id, store->instance, store->generation,
		store->written, store->damaged);
	for (size_t i = 0; i < store->count; i++) {
		const struct stored_key *key = &store->keys[i];

		note_key(&key->key, outcome);
		fprintf(outcome, "'%s' '%s' '%s' %s %d %d %d %d %lld\n", key->options, key->comment,
			key->name, origin_name(key->origin), key->removed, key->by_hand,
			key->in_block, key->in_next, (long long)key->expires);
	}
}

static int rebuild(const char *text, size_t length, FILE *outcome)
{
	struct store store = {.id = ID};
	struct error error = {0};
	int result = rebuild_from_block(&store, text, length, &error);

	if (result == 0)
		note_store(&store, outcome);
	else
		result = memory_note_error(&error, outcome);
	store_free(&store);
	return result;
}

static void a_block(void **state)
{
	(void)state;
	memory_fail_each("a block", rebuild, FILE_TEXT, strlen(FILE_TEXT));
}

static char directory[] = "/dev/shm/vastagent-memory-XXXXXX";
static char path[64], before[80];

static int set_up(void **state)
{
	char *kept;

	(void)state;
	if (sodium_init() < 0 || !mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/root.json", directory);
	kept = store_before_path(path);
	snprintf(before, sizeof(before), "%s", kept ? kept : "");
	free(kept);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	unlink(before);
	return rmdir(directory);
}

static int load(FILE *outcome)
{
	struct error error = {0};
	struct store store = {0};
	int result = store_load(path, &store, &error);

	if (result == 0)
		note_store(&store, outcome);
	else
		result = memory_note_error(&error, outcome);
	store_free(&store);
	return result;
}

/* What stood there before a save that fails still does. */
static int save_and_load(const char *text, size_t length, FILE *outcome)
{
	struct error error = {0};
	struct store store = {.id = ID, .instance = "12345"};
	int result;

	result = rebuild_from_block(&store, text, length, &error);
	store.generation = 8;
	if (result == 0 && store_save(path, &store, &error) != 0)
		result = -1;
	store_free(&store);
	if (result != 0)
		return memory_note_error(&error, outcome);
	return load(outcome);
}

/* One that a person wrote has no sum to say that it is not damaged. */
static int load_edited(const char *text, size_t length, FILE *outcome)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fwrite(text, 1, length, file);
	fclose(file);
	return load(outcome);
}

/* From the block and from the store before, which knows what was removed. */
static int rebuild_with_before(const char *text, size_t length, FILE *outcome)
{
	struct error error = {0};
	struct store store = {.damaged = true};
	int result = rebuild_store(path, &store, text, length, 2000, &error);

	if (result == 0)
		note_store(&store, outcome);
	else
		result = memory_note_error(&error, outcome);
	store_free(&store);
	return result;
}

static void a_store(void **state)
{
	static const char text[] = FILE_TEXT;
	static const char less[] = "# BEGIN vastagent " ID " 9; words\n" KEY " alice\n"
				   "# END vastagent " ID "\n";
	static const char edited[] =
		"{\"version\":1,\"id\":\"" ID "\",\"instance\":\"1\",\"generation\":3,"
		"\"written\":3,\"keys\":[{\"type\":\"ssh-ed25519\",\"key\":\"" BLOB_ED25519
		"\",\"options\":\"\",\"comment\":\"c\",\"name\":\"n\",\"origin\":\"command\","
		"\"added\":null,\"expires\":null,\"removed\":false,\"removed_at\":null,"
		"\"by_hand\":false,\"in_block\":true,\"in_next\":true}]}";

	(void)state;
	if (geteuid() != 0)
		skip();
	memory_fail_each("a store", save_and_load, text, strlen(text));
	assert_int_equal(access(before, F_OK), 0);
	memory_fail_each("an edited store", load_edited, edited, strlen(edited));
	memory_fail_each("a damaged store", rebuild_with_before, less, strlen(less));
}

static int read_certificate(const char *text, size_t length, FILE *outcome)
{
	struct key_line line;
	char *plain;

	key_line_parse(text, length, &line);
	plain = line.key.blob ? certificate_plain_key(&line.key) : NULL;
	fprintf(outcome, "%s", plain ? plain : "");
	key_line_free(&line);
	free(plain);
	return plain ? 0 : -1;
}

static void a_certificate(void **state)
{
	static const char text[] = "ssh-ed25519-cert-v01@openssh.com " BLOB_CERTIFICATE;

	(void)state;
	memory_fail_each("a certificate", read_certificate, text, strlen(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_pasted),
		cmocka_unit_test(a_line),
		cmocka_unit_test(a_lint),
		cmocka_unit_test(a_file),
		cmocka_unit_test(a_block),
		cmocka_unit_test(a_store),
		cmocka_unit_test(a_certificate),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
