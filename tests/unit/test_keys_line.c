/*
 * Lines of authorized_keys, each with what OpenSSH 9.2's sshd did with it in a real
 * login: a line that it takes is a key, a line that it drops is invalid. Whether a login
 * then succeeds (from where, until when) is not asked here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "keys/line.h"
#include "test_keys_fixtures.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void parse(const char *text, struct key_line *line)
{
	key_line_parse(text, strlen(text), line);
}

static void check_kinds(const char *const lines[], size_t count, enum key_line_kind kind)
{
	struct key_line line;

	for (size_t i = 0; i < count; i++) {
		parse(lines[i], &line);
		if (line.kind != kind)
			fail_msg("kind %d, not %d: %s: %s", line.kind, kind, lines[i],
				line.error.message);
		if (kind == KEY_LINE_INVALID)
			assert_true(
				line.error.code != ERROR_NONE && strlen(line.error.message) > 10);
		if (kind == KEY_LINE_KEY)
			assert_non_null(line.key.blob);
		key_line_free(&line);
	}
}

static void plain_lines(void **state)
{
	static const char *const keys[] = {KEY " me@host", KEY, KEY " c\r", KEY "\r",
		" \t " KEY " c", "ssh-ed25519\t" BLOB_ED25519 "\tc",
		"ssh-ed25519   \t " BLOB_ED25519 "   c", "\t" KEY, KEY " ", KEY "\t",
		KEY " a\r" OTHER_KEY " b\r", KEY " \xff\xfe", KEY " #c", "rsa-sha2-512 " BLOB_RSA,
		"rsa-sha2-256 " BLOB_RSA, "ssh-rsa " BLOB_RSA, "ssh-rsa " BLOB_RSA_1024,
		TYPE_P256 " " BLOB_P256, TYPE_P384 " " BLOB_P384, TYPE_P521 " " BLOB_P521,
		TYPE_SK_ED25519 " " BLOB_SK_ED25519, TYPE_SK_P256 " " BLOB_SK_P256};

	(void)state;
	check_kinds(keys, COUNT(keys), KEY_LINE_KEY);
}

static void lines_that_are_no_key(void **state)
{
	static const char *const invalid[] = {"\xef\xbb\xbf" KEY, /* a byte order mark */
		"\"" KEY "\"", "'" KEY " c'", "SSH-ED25519 " BLOB_ED25519, BLOB_ED25519,
		"ssh-ed25519", "ssh-ed25519 ", "host.example " KEY, "1024 " KEY,
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA INnT8+RSCs4BNhLsDx74",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA-INnT8+RSCs4BNhLsDx74",
		"sk-ssh-ed25519 " BLOB_SK_ED25519, "ssh-dss " BLOB_DSA,
		"ssh-mldsa44-ed25519@openssh.com " BLOB_ED25519,
		"ssh-ed25519-cert-v01@openssh.com " BLOB_CERTIFICATE, "@cert-authority " KEY,
		KEY OTHER_KEY, KEY "\\n", "ssh-ed25519\v" BLOB_ED25519,
		"ssh-ed25519\xc2\xa0" BLOB_ED25519, "ssh-rsa " BLOB_ED25519, "x", "\xff",
		"-----BEGIN OPENSSH PRIVATE KEY-----", "---- BEGIN SSH2 PUBLIC KEY ----",
		KEY "\r" OTHER_KEY "\r", "\\", "\"", "'", "=", ","};

	(void)state;
	check_kinds(invalid, COUNT(invalid), KEY_LINE_INVALID);
}

static void lines_with_options(void **state)
{
	static const char *const keys[] = {"cert-authority " KEY, "restrict " KEY,
		"RESTRICT,No-PTY " KEY, "restrict,restrict " KEY,
		"agent-forwarding,port-forwarding,user-rc,x11-forwarding,pty " KEY,
		"command=\"true\" " KEY, "command=\"\" " KEY, "command=\"echo \\\"a b\\\"\" " KEY,
		"command=\"a\t#b\" " KEY, "from=\"192.0.2.1\" " KEY, "from=\"!127.0.0.1,*\" " KEY,
		"expiry-time=\"20990101\" " KEY, "expiry-time=\"20000101Z\" " KEY,
		"environment=\"A=b\" " KEY, "permitopen=\"h:80\" " KEY, "permitlisten=\"*:*\" " KEY,
		"verify-required " KEY, "no-touch-required " KEY, "restrict, " KEY, ", " KEY,
		"restrict\t" KEY, "restrict  \t " KEY,
		"cert-authority,principals=\"alice,bob\" " KEY, "tunnel=\"any\" " KEY};
	static const char *const invalid[] = {"principals=\"root\" " KEY, "no-restrict " KEY,
		"foobar " KEY, "restrict,ptyx " KEY, "no-pty,foobar " KEY, "restrict=yes " KEY,
		"\"restrict\" " KEY, "\"\" " KEY, "command=true " KEY, "command='true' " KEY,
		"command=\"a\",command=\"b\" " KEY, "command=\"true " KEY, "command =\"true\" " KEY,
		"from=\"a\",from=\"b\" " KEY, "expiry-time=\"2099-01-01\" " KEY,
		"expiry-time=\"2099010112\" " KEY, "expiry-time=\"19600101\" " KEY,
		"environment=\"A\" " KEY, "permitopen=\"h\" " KEY, "permitlisten=\"\" " KEY,
		"restrict ,pty " KEY, "restrict pty " KEY, "command=\"a\\\\\" " KEY,
		"restrict\r " KEY, "restrict " KEY OTHER_KEY};

	(void)state;
	check_kinds(keys, COUNT(keys), KEY_LINE_KEY);
	check_kinds(invalid, COUNT(invalid), KEY_LINE_INVALID);
}

/* sshd's addr_match_list() finds no address in these lists, whoever comes. */
static void a_from_that_nobody_matches_is_invalid(void **state)
{
	static const char *const invalid[] = {"from=\"127.0.0.1/8\" " KEY, "from=\"\" " KEY};

	(void)state;
	check_kinds(invalid, COUNT(invalid), KEY_LINE_INVALID);
}

static void blank_lines_and_comments(void **state)
{
	static const char *const blank[] = {"", " ", "\t \t", "\r", "  \r"};
	static const char *const comment[] = {"#", "# x", " \t# x", "#" KEY, "##"};

	(void)state;
	check_kinds(blank, COUNT(blank), KEY_LINE_BLANK);
	check_kinds(comment, COUNT(comment), KEY_LINE_COMMENT);
}

/* sshd drops it: only LF ends a line, and a CR is no blank. */
static void a_carriage_return_before_a_key_is_no_blank_line(void **state)
{
	static const char *const invalid[] = {"\r" KEY, "\r " KEY, " \r#x"};

	(void)state;
	check_kinds(invalid, COUNT(invalid), KEY_LINE_INVALID);
}

static void a_nul_ends_the_line(void **state)
{
	static const char behind[] = KEY " a\0b", inside[] = "ssh-ed25519\0 " BLOB_ED25519;
	struct key_line line;

	(void)state;
	key_line_parse(behind, sizeof(behind) - 1, &line);
	assert_int_equal(line.kind, KEY_LINE_KEY);
	assert_int_equal(line.comment_length, 1);
	assert_memory_equal(line.comment, "a", 1);
	key_line_free(&line);
	key_line_parse(inside, sizeof(inside) - 1, &line);
	assert_int_equal(line.kind, KEY_LINE_INVALID);
	key_line_free(&line);
	key_line_parse("\0x", 2, &line);
	assert_int_equal(line.kind, KEY_LINE_BLANK);
}

static void long_lines_are_lines(void **state)
{
	static char filler[1024 * 1024];
	struct buffer text = BUFFER_EMPTY;
	struct key_line line;

	(void)state;
	memset(filler, 'x', sizeof(filler) - 1);
	buffer_add_format(&text, KEY " %s", filler);
	parse(buffer_string(&text), &line);
	assert_int_equal(line.kind, KEY_LINE_KEY);
	assert_int_equal(line.comment_length, sizeof(filler) - 1);
	key_line_free(&line);
	buffer_free(&text);
	buffer_add_format(&text, "command=\"%s\" " KEY, filler);
	parse(buffer_string(&text), &line);
	assert_int_equal(line.kind, KEY_LINE_KEY);
	key_line_free(&line);
	parse(filler, &line);
	assert_int_equal(line.kind, KEY_LINE_INVALID);
	key_line_free(&line);
	buffer_free(&text);
}

static void check_slice(const char *slice, size_t length, const char *expected)
{
	assert_int_equal(length, strlen(expected));
	assert_memory_equal(slice, expected, length);
}

static void the_parts_are_slices_of_the_line(void **state)
{
	struct key_line line;

	(void)state;
	parse(" command=\"a b\",pty \t" KEY "  alice  smith \r", &line);
	assert_int_equal(line.kind, KEY_LINE_KEY);
	check_slice(line.options_text, line.options_length, "command=\"a b\",pty");
	check_slice(line.comment, line.comment_length, "alice  smith ");
	assert_true(line.options.command);
	assert_string_equal(line.key.type, "ssh-ed25519");
	key_line_free(&line);
	assert_null(line.key.blob);
	parse(KEY, &line);
	assert_int_equal(line.options_length + line.comment_length, 0);
	key_line_free(&line);
}

static void bad_options_still_name_the_key(void **state)
{
	struct key_line line;
	char fingerprint[PUBKEY_FINGERPRINT_SIZE];

	(void)state;
	parse("foobar " KEY " alice", &line);
	assert_int_equal(line.kind, KEY_LINE_INVALID);
	assert_int_equal(line.error.code, ERROR_BAD_OPTION);
	pubkey_fingerprint(&line.key, fingerprint);
	assert_string_equal(fingerprint, PRINT_ED25519);
	check_slice(line.comment, line.comment_length, "alice");
	key_line_free(&line);
	parse("command=\"true " KEY, &line); /* a length only with a text */
	assert_true(line.options_length == 0 || line.options_text != NULL);
	assert_true(line.comment_length == 0 || line.comment != NULL);
	key_line_free(&line);
}

static void the_reason_is_the_one_that_helps(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINnT8+RSCs4BNhLs", "cut off: 30 of 51"},
		{"restrict ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINnT8+RSCs4BNhLs",
			"cut off: 30 of 51"},
		{"ssh-ed25519", "there is no key behind 'ssh-ed25519'"},
		{"'" KEY "'", "in quotes"},
		{"\"" KEY "\"", "in quotes"},
		{"command=\"true " KEY, "not closed"},
		{"ssh-rsa " BLOB_ED25519, "'ssh-ed25519' inside but 'ssh-rsa' outside"},
		{"foobar " KEY, "'foobar' is not an option"},
		{"ssh-dss " BLOB_DSA, "DSA"},
		{"ssh-ed25519-cert-v01@openssh.com " BLOB_CERTIFICATE, "certificate"},
		{"principals=\"root\" " KEY, "cert-authority"},
	};
	struct key_line line;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		parse(rows[i].line, &line);
		if (!strstr(line.error.message, rows[i].says))
			fail_msg("%s: says '%s'", rows[i].line, line.error.message);
		key_line_free(&line);
	}
}

/* Every prefix of a line, in memory of its own so that AddressSanitizer guards the end. */
static void no_cut_line_crashes(void **state)
{
	static const char whole[] = "command=\"a\\\"b\",from=\"*\" " TYPE_P521 " " BLOB_P521 " c\r";
	struct key_line line;
	char *copy;

	(void)state;
	for (size_t length = 0; length < sizeof(whole); length++) {
		copy = malloc(length ? length : 1);
		assert_non_null(copy);
		memcpy(copy, whole, length);
		key_line_parse(copy, length, &line);
		assert_true(line.kind != KEY_LINE_COMMENT);
		key_line_free(&line);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_lines),
		cmocka_unit_test(lines_that_are_no_key),
		cmocka_unit_test(lines_with_options),
		cmocka_unit_test(a_from_that_nobody_matches_is_invalid),
		cmocka_unit_test(blank_lines_and_comments),
		cmocka_unit_test(a_carriage_return_before_a_key_is_no_blank_line),
		cmocka_unit_test(a_nul_ends_the_line),
		cmocka_unit_test(long_lines_are_lines),
		cmocka_unit_test(the_parts_are_slices_of_the_line),
		cmocka_unit_test(bad_options_still_name_the_key),
		cmocka_unit_test(the_reason_is_the_one_that_helps),
		cmocka_unit_test(no_cut_line_crashes),
	};

	return cmocka_run_group_tests_name("keys/line", tests, NULL, NULL);
}
