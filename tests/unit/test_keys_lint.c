/*
 * The lint of authorized_keys, each line with the finding that it must bring; that sshd
 * means the same is shown by the scenario, with real logins.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "keys/lint.h"
#include "keys/patterns.h"
#include "test_keys_fixtures.h"

#define K            "ssh-ed25519 " BLOB_ED25519
#define OTHER        "ssh-ed25519 " BLOB_ED25519_OTHER
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct lint_rules plain = {.sshd = 902, .rsa_bits = 1024, .now = 1700000000};

struct lint_case {
	const char *text;
	const char *id; /* NULL: nothing is found */
	bool fails;
	const char *sed; /* NULL: not looked at */
};

static const struct lint_case cases[] = {
	{K, NULL, false, NULL},
	{K " me@host\r\n", NULL, false, NULL},
	{"# " K "\n\n\t" OTHER "\n", NULL, false, NULL},
	{"restrict,pty,from=\"192.0.2.0/24,!192.0.2.1\" " K, NULL, false, NULL},
	{K "\n" K "\n", NULL, false, NULL},
	{"\xef\xbb\xbf" K, "bom", true, "1s/^\\xef\\xbb\\xbf//"},
	{"\xef\xbb\xbf# c\n" K, "bom", false, NULL},
	{K "\r" OTHER "\r", "carriage-return", true, "1s/\\r/\\n/g"},
	{K " a\r" OTHER " b\r", "carriage-return", true, NULL},
	{"\"" K " c\"", "quoted", true, NULL},
	{"'" K "'", "quoted", true, NULL},
	{"@cert-authority " K, "marker", true, NULL},
	{"ssh-ed25519\n" BLOB_ED25519, "wrapped", true, "1{N;s/\\r*\\n/ /g}"},
	{"\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINnT8+RSCs4BNhLs\r\n"
	 "Dx74eu28CGwA6pkVh/ypt32f0Pb/\r\n",
		"wrapped", true, "2{N;s/\\r*\\n//g}"},
	{K OTHER, "glued", true, "1s/ssh-ed25519 AAAA/\\n&/2"},
	{K " me" OTHER, "glued", true, NULL},
	{"foobar,pty " K, "unknown-option", true, "1s/foobar,//"},
	{"pty,foobar " K, "unknown-option", true, "1s/,foobar//"},
	{"h.example " K, "unknown-option", true, "1s/h\\.example //"},
	{"command=\"foobar\",foobar " K, "unknown-option", true, NULL},
	{"restrict, pty " K, "comma-space", true, "1s/,[[:blank:]]*/,/"},
	{"command=true " K, "unquoted-value", true, "1s/command=true/command=\"true\"/"},
	{"command='true' " K, "single-quotes", true, "1s/command='true'/command=\"true\"/"},
	{"command=\"a\\\\\" " K, "backslash-quote", true, NULL},
	{"command=\"a\",command=\"b\" " K, "refused", true, NULL},
	{"from=\"127.0.0.1/8\" " K, "from-host-bits", true,
		"1s/from=\"127\\.0\\.0\\.1\\/8\"/from=\"127.0.0.0\\/8\"/"},
	{"from=\"\" " K, "from-empty", true, NULL},
	{"from=\"laptop\" " K, "from-name", true, NULL},
	{"from=\"laptop,192.0.2.1\" " K, "from-name", false, NULL},
	{"expiry-time=\"2099-01-01\" " K, "expiry-form", true,
		"1s/expiry-time=\"2099-01-01\"/expiry-time=\"20990101\"/"},
	{"expiry-time=\"20991301\" " K, "expiry-impossible", true, NULL},
	{"expiry-time=\"20200101\" " K, "expired", false, NULL},
	{"expiry-time=\"19600101\" " K, "expiry-before-1970", true, NULL},
	{"expiry-time=\"20990101\" " K, NULL, false, NULL},
	{"principals=\"a\" " K, "principals", true, NULL},
	{"cert-authority " K, "cert-authority", false, NULL},
	{"environment=\"A=b\" " K, "environment", false, NULL},
	{"verify-required " K, "sk-option", false, NULL},
	{"no-touch-required " K, "sk-option", false, NULL},
	{"from=\"192.0.2.1\" " K "\n" K, "laxer-copy", false, "2d"},
	{K "\nrestrict " K, "laxer-copy", false, "1d"},
	{"restrict " K "\n" K, NULL, false, NULL},
	{"ssh-rsa " BLOB_RSA "\nrsa-sha2-512 " BLOB_RSA, "alias", false, "2d"},
	{K " a\v", "comment", false, NULL},
	{K " a\xe2\x80\xa8"
	   "b",
		"comment", false, NULL},
	{K " a\xc2\x85", "comment", false, NULL},
	{BLOB_ED25519 " me", "no-type", true, "1s/AAAA/ssh-ed25519 &/"},
	{"SSH-Ed25519 " BLOB_ED25519, "type-case", true, NULL},
	{K "\\n" OTHER, "escaped-newline", true, NULL},
	{"ssh-ed25519 AAAA", "refused", true, "1s/^/#/"},
	{"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n" K,
		"private-key", true, "1,3d"},
	{"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----\n" K, "other-format",
		true, "1,3d"},
};

static void check_one(const struct lint_case *wanted)
{
	struct lint lint;

	assert_int_equal(lint_file(wanted->text, strlen(wanted->text), &plain, &lint), 0);
	if (lint.count != (wanted->id != NULL))
		fail_msg("%zu findings (first %s): %s", lint.count,
			lint.count ? lint.list[0].id : "-", wanted->text);
	if (wanted->id) {
		assert_string_equal(lint.list[0].id, wanted->id);
		if (lint.list[0].fails != wanted->fails)
			fail_msg("fails: %d: %s", lint.list[0].fails, wanted->text);
		if (wanted->sed)
			assert_string_equal(lint.list[0].sed, wanted->sed);
		assert_true(strlen(lint.list[0].message) > 10);
	}
	lint_free(&lint);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check_one(&cases[i]);
}

/* Runs sed on text, which is to be what is left of it after all repairs. */
static void repair(char *text, size_t size, const char *script)
{
	char path[] = "/tmp/lint.XXXXXX", command[1200];
	FILE *file = fdopen(mkstemp(path), "w");
	size_t length;

	assert_non_null(file);
	fwrite(text, 1, strlen(text), file);
	fclose(file);
	assert_null(strchr(script, '"') && strchr(script, '\'') ? script : NULL);
	snprintf(command, sizeof(command), "LC_ALL=C sed -i %s%s%s %s",
		strchr(script, '\'') ? "\"" : "'", script, strchr(script, '\'') ? "\"" : "'", path);
	assert_int_equal(system(command), 0);
	file = fopen(path, "r");
	assert_non_null(file);
	length = fread(text, 1, size - 1, file);
	text[length] = '\0';
	fclose(file);
	remove(path);
}

/* The repair of every finding leaves text without that finding. */
static void test_repairs(void **state)
{
	struct lint lint;
	char text[4096];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(text, sizeof(text), "%s", cases[i].text);
		lint_file(text, strlen(text), &plain, &lint);
		if (!lint.count || !lint.list[0].sed ||
			(strchr(lint.list[0].sed, '\'') && strpbrk(lint.list[0].sed, "\"\\$"))) {
			lint_free(&lint);
			continue;
		}
		repair(text, sizeof(text), lint.list[0].sed);
		lint_free(&lint);
		lint_file(text, strlen(text), &plain, &lint);
		/* Of "@cert-authority" only the '@' is surely wrong. */
		if (lint.count && strcmp(lint.list[0].id, "cert-authority") != 0)
			fail_msg("after the repair still %s: %s", lint.list[0].id, text);
		lint_free(&lint);
	}
}

static void test_rules(void **state)
{
	const char *old = "expiry-time=\"20990101Z\",restrict " K;
	const char *rsa = "ssh-rsa " BLOB_RSA;
	struct lint_rules rules = plain;
	char long_line[20000];
	struct lint lint;

	(void)state;
	rules.sshd = 700;
	lint_file(old, strlen(old), &rules, &lint);
	assert_int_equal(lint.count, 3); /* expiry-time, its Z, restrict */
	for (size_t i = 0; i < lint.count; i++)
		assert_string_equal(lint.list[i].id, "option-too-new");
	lint_free(&lint);
	snprintf(long_line, sizeof(long_line), "%s %017000d", K, 1);
	lint_file(long_line, strlen(long_line), &rules, &lint);
	assert_int_equal(lint.count, 1);
	assert_string_equal(lint.list[0].id, "long-line");
	lint_free(&lint);
	rules = plain;
	rules.rsa_bits = 3072;
	lint_file(rsa, strlen(rsa), &rules, &lint);
	assert_int_equal(lint.count, 1);
	assert_string_equal(lint.list[0].id, "rsa-size");
	lint_free(&lint);
	lint_file("\xff\xfes\0s\0", 6, &plain, &lint);
	assert_int_equal(lint.count, 1);
	assert_string_equal(lint.list[0].id, "utf-16");
	lint_free(&lint);
	lint_file(K "\0more", strlen(K) + 5, &plain, &lint);
	assert_int_equal(lint.count, 1);
	assert_string_equal(lint.list[0].id, "nul");
	lint_free(&lint);
	assert_int_equal(lint_file("", 0, &plain, &lint), 0);
	assert_int_equal(lint.count, 0);
}

/* Cases glued together and damaged: whatever comes, it is read to its end and told in
 * printable words. A fixed seed, so that a failure can be repeated. */
static void test_damaged(void **state)
{
	struct lint lint;
	char text[4096];
	size_t length;

	(void)state;
	srand(7);
	for (int round = 0; round < 5000; round++) {
		length = 0;
		for (int part = rand() % 4; part >= 0; part--) {
			const char *from = cases[(size_t)rand() % COUNT(cases)].text;
			size_t size = (size_t)rand() % (strlen(from) + 1);
			if (rand() % 2)
				size = strlen(from);
			memcpy(text + length, from, size);
			length += size;
			text[length] = '\n';
			length += (size_t)rand() % 2;
		}
		for (int hits = rand() % 4; hits > 0 && length; hits--)
			text[(size_t)rand() % length] = (char)rand();
		assert_int_equal(lint_file(text, length, &plain, &lint), 0);
		for (size_t i = 0; i < lint.count; i++) {
			assert_true(text_is_visible(
				lint.list[i].message, strlen(lint.list[i].message)));
			assert_true(!lint.list[i].sed ||
				    text_is_visible(lint.list[i].sed, strlen(lint.list[i].sed)));
		}
		lint_free(&lint);
	}
}

static void test_from(void **state)
{
	static const struct {
		const char *list, *address;
		bool fits;
	} lists[] = {
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.10", false},
		{"192.0.2.*", "192.0.2.10", true},
		{"192.0.2.?", "192.0.2.10", false},
		{"192.0.2.0/24", "192.0.2.10", true},
		{"192.0.2.0/25", "192.0.2.200", false},
		{"!192.0.2.10,192.0.2.0/24", "192.0.2.10", false},
		{"192.0.2.0/24,!192.0.2.10", "192.0.2.10", false},
		{"192.0.2.10,192.0.2.1/24", "192.0.2.10", false},
		{"2001:db8::/32", "2001:db8::1", true},
		{"2001:db8::1", "2001:db8:0::1", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"*", "192.0.2.1", true},
		{"", "192.0.2.1", false},
		{"laptop", "192.0.2.1", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++)
		if (pattern_list_matches(lists[i].list, lists[i].address) != lists[i].fits)
			fail_msg("%s and %s", lists[i].list, lists[i].address);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_repairs),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
