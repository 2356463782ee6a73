/* What people paste, and what hostile people paste. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "keys/import.h"
#include "keys/line.h"
#include "test_keys_fixtures.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RSA          "ssh-rsa " BLOB_RSA_1024
#define THIRD_KEY    TYPE_P256 " " BLOB_P256

/* What an import must be: one line a key, "FINGERPRINT [options] comment". */
static void describe(const struct import *import, struct buffer *out)
{
	char fingerprint[PUBKEY_FINGERPRINT_SIZE];

	for (size_t i = 0; i < import->key_count; i++) {
		pubkey_fingerprint(&import->keys[i].key, fingerprint);
		buffer_add_format(out, "%s [%s] %s\n", fingerprint, import->keys[i].options,
			import->keys[i].comment);
	}
}

static void check_import(const char *text, bool separators, const char *expected)
{
	struct buffer got = BUFFER_EMPTY;
	struct import import;
	struct error error = {0};

	if (import_parse(text, strlen(text), separators, &import, &error) != 0)
		fail_msg("%s: %s", text, error.message);
	describe(&import, &got);
	if (import.reject_count)
		fail_msg("%s: refused: %s", text, import.rejects[0].error.message);
	assert_string_equal(buffer_string(&got), expected);
	buffer_free(&got);
	import_free(&import);
	assert_null(import.keys);
}

/* The numbers of the refused lines, as "2 5 ". */
static void check_rejects(const char *text, bool separators, size_t keys, const char *lines)
{
	struct buffer got = BUFFER_EMPTY;
	struct import import;
	struct error error = {0};

	assert_int_equal(import_parse(text, strlen(text), separators, &import, &error), 0);
	for (size_t i = 0; i < import.reject_count; i++) {
		buffer_add_format(&got, "%ld ", import.rejects[i].line);
		assert_true(strlen(import.rejects[i].error.message) > 10);
	}
	assert_string_equal(buffer_string(&got), lines);
	assert_int_equal(import.key_count, keys);
	buffer_free(&got);
	import_free(&import);
}

static void check_noted(const char *text, const char *says)
{
	struct import import;
	struct error error = {0};

	assert_int_equal(import_parse(text, strlen(text), true, &import, &error), 0);
	if (!strstr(buffer_string(&import.notes), says))
		fail_msg("%s: '%s' is not in '%s'", text, says, buffer_string(&import.notes));
	assert_int_equal(import.notes.data[import.notes.length - 1], '\n');
	import_free(&import);
}

static void check_failure(const char *text, size_t length, enum error_code code)
{
	struct import import;
	struct error error = {0};

	assert_int_equal(import_parse(text, length, true, &import, &error), -1);
	assert_int_equal(error.code, code);
	assert_int_equal(import.key_count, 0);
	import_free(&import);
}

static void lines_as_in_authorized_keys(void **state)
{
	static const char one[] = PRINT_ED25519 " [] alice\n";
	static const char two[] = PRINT_ED25519 " [] alice\n" PRINT_ED25519_OTHER " [] \n";

	(void)state;
	check_import(KEY " alice", false, one);
	check_import(KEY " alice\n", false, one);
	check_import("# c\n\n \t\n" KEY "  alice  \n#d\n", false, one);
	check_import(KEY " alice\n" OTHER_KEY, false, two);
	check_import(KEY " alice\r\n" OTHER_KEY "\r\n", false, two);
	check_import("\xef\xbb\xbf" KEY " alice\r\n", false, one);
	check_import("restrict,command=\"a b\" " KEY " alice", false,
		PRINT_ED25519 " [restrict,command=\"a b\"] alice\n");
	check_import("rsa-sha2-512 " BLOB_RSA_1024, false, PRINT_RSA_1024 " [] \n");
}

static void quotes_and_bare_blobs_are_repaired(void **state)
{
	static const char one[] = PRINT_ED25519 " [] alice\n";

	(void)state;
	check_import("\"" KEY " alice\"", false, one);
	check_import("'" KEY " alice'\r\n", false, one);
	check_import("'\"" KEY " alice\"'", false, one);
	check_import(" '" KEY " alice' ", false, one);
	check_import(BLOB_ED25519, false, PRINT_ED25519 " [] \n");
	check_import(BLOB_ED25519 "  alice", false, one);
	check_import("'" BLOB_P256 "'", false, PRINT_P256 " [] \n");
	check_noted("x\n'" KEY "'", "line 2: the quotes around the key were taken off");
	check_noted(BLOB_ED25519, "line 1: the type of the key was read from the key itself");
	check_noted(KEY " a\x1b[2J", "line 1: unprintable characters");
}

/* VASTAGENT_KEYS comes from a form field, which takes one line. */
static void separators_end_a_line(void **state)
{
	static const char two[] = PRINT_ED25519 " [] a\n" PRINT_ED25519_OTHER " [] b\n";

	(void)state;
	check_import(KEY " a;" OTHER_KEY " b", true, two);
	check_import(KEY " a ; " OTHER_KEY " b;", true, two);
	check_import(KEY " a\\n" OTHER_KEY " b\\n", true, two);
	check_import(";;" KEY " a;\\n;" OTHER_KEY " b\n", true, two);
	check_import(BLOB_ED25519 " a;" BLOB_ED25519_OTHER " b", true, two);
	check_import("'" KEY " a';'" OTHER_KEY " b'", true, two);
	check_import(KEY " a;b", false, PRINT_ED25519 " [] a;b\n");
	check_import("command=\"a;b\\nc\" " KEY " a;" OTHER_KEY " b", true,
		PRINT_ED25519 " [command=\"a;b\\nc\"] a\n" PRINT_ED25519_OTHER " [] b\n");
	check_import("command=\"a\\\";b\" " KEY " a;" OTHER_KEY " b", true,
		PRINT_ED25519 " [command=\"a\\\";b\"] a\n" PRINT_ED25519_OTHER " [] b\n");
}

/* No quote outside of options may swallow the key behind it. */
static void a_quote_does_not_hide_the_next_key(void **state)
{
	(void)state;
	check_import(KEY " 19\" rack;" OTHER_KEY " b", true,
		PRINT_ED25519 " [] 19\" rack\n" PRINT_ED25519_OTHER " [] b\n");
	check_import("\"" KEY " a\";\"" OTHER_KEY " b\"", true,
		PRINT_ED25519 " [] a\n" PRINT_ED25519_OTHER " [] b\n");
	check_import("\"" KEY " a\"\\n\"" OTHER_KEY " b\"", true,
		PRINT_ED25519 " [] a\n" PRINT_ED25519_OTHER " [] b\n");
}

static void refused_lines_are_named_by_their_numbers(void **state)
{
	(void)state;
	check_rejects("x\n" KEY "\n\n# c\nfoobar " OTHER_KEY "\n", false, 1, "1 5 ");
	check_rejects(KEY ";x;" OTHER_KEY ";y", true, 2, "2 4 ");
	check_rejects("ssh-ed25519 AAAA\r\n\r\n" KEY "\r\nssh-rsa " BLOB_ED25519, false, 1, "1 4 ");
	check_rejects("principals=\"x\" " KEY, false, 0, "1 ");
	check_rejects("ssh-dss " BLOB_DSA, false, 0, "1 ");
	check_rejects("ssh-ed25519-cert-v01@openssh.com " BLOB_CERTIFICATE, false, 0, "1 ");
	check_rejects("AAAAAAAA", false, 0, "1 ");
	check_rejects("'" KEY, false, 0, "1 ");
	check_rejects(KEY OTHER_KEY, false, 0, "1 ");
	check_rejects("expiry-time=\"19600101\" " KEY, false, 0, "1 ");
}

static void a_key_named_twice_is_one(void **state)
{
	(void)state;
	check_import(KEY " a\n" KEY " b\n" KEY, false, PRINT_ED25519 " [] a\n");
	check_import(RSA "\nrsa-sha2-256 " BLOB_RSA_1024, false, PRINT_RSA_1024 " [] \n");
}

/* An ed25519 key is any 32 bytes, for sshd as well. */
static void add_numbered(struct buffer *text, unsigned number)
{
	unsigned char blob[51] = "\0\0\0\x0bssh-ed25519\0\0\0 ";
	char base64[80];

	memcpy(blob + 19, &number, sizeof(number));
	sodium_bin2base64(
		base64, sizeof(base64), blob, sizeof(blob), sodium_base64_VARIANT_ORIGINAL);
	buffer_add_format(text, "ssh-ed25519 %s\n", base64);
}

static void ten_thousand_keys_are_told_apart(void **state)
{
	struct buffer text = BUFFER_EMPTY;
	struct import import;
	unsigned long line, first;

	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		add_numbered(&text, i);
	add_numbered(&text, 7);
	add_numbered(&text, 9999);
	assert_int_equal(import_parse(text.data, text.length, false, &import, NULL), 0);
	assert_int_equal(import.key_count, 10000);
	assert_int_equal(import.keys[9999].line, 10000);
	assert_int_equal(sscanf(buffer_string(&import.notes),
				 "line %lu: the same key as in line %lu", &line, &first),
		2);
	assert_int_equal(line, 10001);
	assert_int_equal(first, 8);
	assert_non_null(strstr(
		buffer_string(&import.notes), "line 10002: the same key as in line 10000\n"));
	import_free(&import);
	buffer_free(&text);
}

static void a_text_without_a_key_is_an_error(void **state)
{
	static const char *const texts[] = {
		"", "\n", "# only\n# comments\n", " \t\r\n", ";;\\n", "\xef\xbb\xbf"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		check_failure(texts[i], strlen(texts[i]), ERROR_BAD_KEY);
	check_failure(KEY "\0", sizeof(KEY), ERROR_BAD_KEY);
	check_failure("\xff\xfe\0\0h\0", 6, ERROR_BAD_KEY);
}

static void a_comment_stays_on_its_line(void **state)
{
	(void)state;
	check_import(KEY " a\rb", false, PRINT_ED25519 " [] a\\x0db\n");
	check_import(
		KEY " a\v\f\x1b[2J\x7f", false, PRINT_ED25519 " [] a\\x0b\\x0c\\x1b[2J\\x7f\n");
	check_import(KEY " a\xe2\x80\xa8" OTHER_KEY, false,
		PRINT_ED25519 " [] a\\xe2\\x80\\xa8" OTHER_KEY "\n");
	check_import(KEY " a\xc2\x85z\xff", false, PRINT_ED25519 " [] a\\xc2\\x85z\\xff\n");
	check_import(KEY " \xe2\x80\xaegnp", false, PRINT_ED25519 " [] \\xe2\\x80\\xaegnp\n");
	check_import(KEY " J\xc3\xbcrgen \xe6\x97\xa5", false,
		PRINT_ED25519 " [] J\xc3\xbcrgen \xe6\x97\xa5\n");
}

static void options_hold_nothing_that_ends_a_line(void **state)
{
	static const char *const texts[] = {"command=\"a\rb\" " KEY, "command=\"a\x1b[2J\" " KEY,
		"command=\"a\tb\" " KEY, "command=\"\xe2\x80\xa8\" " KEY,
		"command=\"\xc2\x85\" " KEY, "command=\"\xff\" " KEY, "restrict\r " KEY,
		"command=\"\v\" " KEY, "command=\"\x7f\" " KEY};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		check_rejects(texts[i], true, 0, "1 ");
}

/* Rendered into a file, an import is one line a key, and each is that key to sshd. */
static void check_rendered(const char *text, size_t length, bool separators)
{
	struct import import;
	struct buffer line = BUFFER_EMPTY;
	struct error error = {0};

	import_parse(text, length, separators, &import, &error);
	for (size_t i = 0; i < import.key_count; i++) {
		const struct import_key *key = &import.keys[i];
		char *base64 = pubkey_base64(&key->key);
		struct key_line parsed;

		buffer_add_format(&line, "%s%s%s %s %s", key->options, *key->options ? " " : "",
			key->key.type, base64, key->comment);
		assert_true(text_is_visible(line.data, line.length));
		key_line_parse(line.data, line.length, &parsed);
		assert_int_equal(parsed.kind, KEY_LINE_KEY);
		assert_true(pubkey_equal(&parsed.key, &key->key));
		assert_int_equal(parsed.options_length, strlen(key->options));
		key_line_free(&parsed);
		buffer_free(&line);
		free(base64);
	}
	import_free(&import);
}

/* Every byte at every place of a text with everything in it. */
static void no_byte_makes_a_second_line(void **state)
{
	char text[] = "\"restrict,command=\"a;b\" " KEY " c\";" BLOB_ED25519_OTHER " d\\n#e";

	(void)state;
	for (size_t at = 0; at < sizeof(text) - 1; at++) {
		char saved = text[at];

		for (int byte = 0; byte < 256; byte++) {
			text[at] = (char)byte;
			check_rendered(text, sizeof(text) - 1, byte & 1);
		}
		text[at] = saved;
	}
}

static void no_cut_text_crashes(void **state)
{
	static const char text[] = "\xef\xbb\xbf'restrict " KEY " c';" BLOB_P256 "\\n\"" RSA "\"";
	char *copy;

	(void)state;
	for (size_t length = 0; length < sizeof(text); length++) {
		copy = malloc(length ? length : 1);
		assert_non_null(copy);
		memcpy(copy, text, length);
		check_rendered(copy, length, true);
		check_rendered(copy, length, false);
		free(copy);
	}
}

static void private_keys_are_refused_and_not_repeated(void **state)
{
	static const char *const texts[] = {
		"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABSECRET\n"
		"-----END OPENSSH PRIVATE KEY-----\n",
		"-----BEGIN RSA PRIVATE KEY-----\nMIISECRET\n-----END RSA PRIVATE KEY-----\n",
		"-----BEGIN EC PRIVATE KEY-----\nMIISECRET\n-----END EC PRIVATE KEY-----\n",
		"-----BEGIN PRIVATE KEY-----\nMIISECRET\n-----END PRIVATE KEY-----\n",
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIISECRET\n"
		"-----END ENCRYPTED PRIVATE KEY-----\n",
		"-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\n\r\nSECRET\r\n",
		"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: c\n"
		"Public-Lines: 2\nAAAA\nPrivate-Lines: 1\nSECRET\nPrivate-MAC: SECRET\n",
		"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUSECRET", /* its header lost */
		KEY " a\n-----BEGIN OPENSSH PRIVATE KEY-----\nSECRET\n",
		"-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BSECRET\\n",
		"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nSECRET\n"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct import import;
		struct error error = {0};

		if (import_parse(texts[i], strlen(texts[i]), true, &import, &error) == 0)
			fail_msg("taken: %s", texts[i]);
		assert_int_equal(error.code, ERROR_PRIVATE_KEY);
		assert_null(strstr(error.message, "SECRET"));
		assert_int_equal(import.key_count + import.reject_count + import.notes.length, 0);
		import_free(&import);
	}
}

static void a_message_does_not_repeat_what_was_pasted(void **state)
{
	static const char *const texts[] = {"hunter2", "hunter2 hunter2", "AAAAhunter2hunter2",
		"password: hunter2", "ssh-ed25519 hunter2"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct import import;
		struct error error = {0};

		assert_int_equal(
			import_parse(texts[i], strlen(texts[i]), true, &import, &error), 0);
		assert_int_equal(import.reject_count, 1);
		assert_null(strstr(import.rejects[0].error.message, "hunter2"));
		import_free(&import);
	}
}

static long resident_kilobytes(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* In a child, since a stack that is used up ends the process, and a minute is too long. */
static void check_survives(const char *text, size_t length)
{
	const struct rlimit stack = {1024 * 1024, 1024 * 1024};
	struct import import;
	struct error error = {0};
	long before;
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		alarm(20);
		setrlimit(RLIMIT_STACK, &stack);
		before = resident_kilobytes();
		import_parse(text, length, true, &import, &error);
		import_free(&import);
		_exit(resident_kilobytes() - before < 256L * 1024 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		fail_msg("ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		fail_msg("took more than 256 MiB of memory");
}

/* As many bytes as root may send to the agent. */
static char megabyte[1024 * 1024];

static void a_megabyte_of_quotes_is_survived(void **state)
{
	(void)state;
	memset(megabyte, '"', sizeof(megabyte));
	check_survives(megabyte, sizeof(megabyte));
	memset(megabyte, '\'', sizeof(megabyte));
	check_survives(megabyte, sizeof(megabyte));
}

static void a_megabyte_of_bad_lines_is_survived(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(megabyte); i += 2)
		memcpy(megabyte + i, "x\n", 2);
	check_survives(megabyte, sizeof(megabyte));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_as_in_authorized_keys),
		cmocka_unit_test(quotes_and_bare_blobs_are_repaired),
		cmocka_unit_test(separators_end_a_line),
		cmocka_unit_test(a_quote_does_not_hide_the_next_key),
		cmocka_unit_test(refused_lines_are_named_by_their_numbers),
		cmocka_unit_test(a_key_named_twice_is_one),
		cmocka_unit_test(ten_thousand_keys_are_told_apart),
		cmocka_unit_test(a_text_without_a_key_is_an_error),
		cmocka_unit_test(a_comment_stays_on_its_line),
		cmocka_unit_test(options_hold_nothing_that_ends_a_line),
		cmocka_unit_test(no_byte_makes_a_second_line),
		cmocka_unit_test(no_cut_text_crashes),
		cmocka_unit_test(private_keys_are_refused_and_not_repeated),
		cmocka_unit_test(a_message_does_not_repeat_what_was_pasted),
		cmocka_unit_test(a_megabyte_of_quotes_is_survived),
		cmocka_unit_test(a_megabyte_of_bad_lines_is_survived),
	};

	return cmocka_run_group_tests_name("keys/import", tests, NULL, NULL);
}
